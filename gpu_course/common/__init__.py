"""What every room may use: devices, files, drawings, progress, errors.

Imports no other room.
"""
