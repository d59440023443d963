"""The exercises, one module each, in the order of the course."""

from gpu_course.exercises.collection import axpy

EXERCISES = (axpy.EXERCISE,)
