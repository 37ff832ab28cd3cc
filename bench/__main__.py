"""`python -m bench`: all benchmarks."""

from bench.server import main

if __name__ == "__main__":
    main()
