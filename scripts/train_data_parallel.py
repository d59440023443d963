"""Train in several processes: run by torchrun, here or under Slurm."""

from gpu_course.scaling.command import main

if __name__ == "__main__":
    main()
