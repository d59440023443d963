"""Figures to play with: each module draws one, and has a version with sliders.

``draw_…`` is the picture for fixed values, ``explore_…`` the same with
controls. They run in a notebook; on a page the picture stays. Imports: common,
cuda, data, layers, widgets.
"""
