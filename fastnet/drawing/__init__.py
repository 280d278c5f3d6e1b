"""Parts of pictures: the looks of curves, bands and axes, and legends that fit."""
