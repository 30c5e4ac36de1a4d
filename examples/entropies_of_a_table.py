"""What the labels of a table say, and how much of it the inputs tell."""

import minbits

report = minbits.entropy(minbits.load("iris"), minutes=0)  # 0: no ladder of H(X)
for key in ("label_entropy", "mutual_information_fano"):
    for figure in report.figures:
        if figure.key == key:
            print(f"{key}: {figure.value:.3f} {figure.unit}, {figure.kind} of {figure.of}")
print(f"{len(report.figures)} figures in all, each with its method")
