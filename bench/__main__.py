"""`python -m bench [--quick] [suite …]`: all benchmarks, or those named."""

import argparse

from bench import api, kubernetes, scale, search, server, tracking

SUITES = {
    "server": server.main,
    "api": api.main,
    "scale": scale.main,
    "search": search.main,
    "client": tracking.main,
    "kubernetes": kubernetes.main,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="suite", help=f"which of {', '.join(SUITES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small and short, to see that they work")
    options = parser.parse_args()
    if unknown := set(options.suites) - set(SUITES):
        parser.error(f"there is no suite {', '.join(sorted(unknown))}")
    for name in options.suites or SUITES:
        print(f"\n## {name}\n", flush=True)
        SUITES[name](["--quick"] if options.quick else [])


if __name__ == "__main__":
    main()
