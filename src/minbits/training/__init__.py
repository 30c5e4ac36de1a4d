"""Training in PyTorch: data on a device, augmentation, schedules and one loop."""
