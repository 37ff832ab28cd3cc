"""Hyperparameter search beside Optuna: `python -m bench.search [--quick] [part …]`."""

from __future__ import annotations

import argparse

from bench import search_cost, search_quality

#: What there is to measure, by name.
PARTS = {"quality": search_quality.main, "cost": search_cost.main}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"which of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it works")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    for name in options.parts or PARTS:
        print(f"### {name}\n", flush=True)
        PARTS[name](quick=options.quick)


if __name__ == "__main__":
    main()
