"""Figures to play with: each module draws one, and has a version with sliders.

``draw_…`` draws the picture for fixed values, ``explore_…`` adds controls. The
controls need a running notebook; a static page shows the picture. Imports:
common, cuda, data, hardware, layers, training, widgets.
"""
