"""What pictures are made of: the looks of curves, bands, axes, and legends that fit."""
