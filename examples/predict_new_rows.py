"""Fit the smallest network to a table, save it, and classify rows that it never saw."""

from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

import minbits
from minbits.sklearn import MinimalNetworkClassifier

inputs, species = load_iris(return_X_y=True)
rows, new_rows, labels, new_labels = train_test_split(inputs, species, random_state=0)

classifier = MinimalNetworkClassifier(accuracy=0.95, trials=10, random_state=0)
classifier.fit(rows, labels)
print(f"{classifier.size_bits_:,} bits, {classifier.score(new_rows, new_labels):.1%} of new rows")

classifier.save("flowers.mbn")  # and flowers.data.json: names, scales, probabilities
network = minbits.read("flowers.mbn")
print("classes:", network.predict_names(new_rows[:3]))
print("probabilities:", network.predict_proba(new_rows[:3]).round(2).tolist())
