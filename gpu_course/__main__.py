"""``python -m gpu_course``: the same as the ``gpu-course`` command."""

from gpu_course.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
