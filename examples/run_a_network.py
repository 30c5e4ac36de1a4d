"""Read a network file and classify images with NumPy alone."""

import sys

import minbits

data = minbits.load("digits")
network = minbits.read(sys.argv[1] if len(sys.argv) > 1 else "records/digits-95.mbn")
classes = network.predict(data.test_inputs)
print(network)
print(f"first ten: {classes[:10]}, correct: {(classes == data.test_labels).mean():.1%}")
