"""A seeded order of 0 … size - 1, any place of which is found without the others.

A Feistel network (M. Luby, C. Rackoff: How to construct pseudorandom permutations from pseudorandom functions, 1988)
permutes the next power of four, and is applied again until the result is below ``size``: cycle walking (J. Black,
P. Rogaway: Ciphers with arbitrary finite domains, 2002), four steps on average at most.
"""

from __future__ import annotations

from hashlib import shake_128

# More than the four that make it a strong permutation, as some of the domains are tiny.
_ROUNDS = 8


class Permutation:
    """``permutation[i]`` for 0 <= i < size; ``key`` chooses the order."""

    def __init__(self, size: int, key: str) -> None:
        self.size = size
        self._key = key
        self._half = max(1, ((size - 1).bit_length() + 1) // 2)

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < self.size:
            raise IndexError(index)
        index = self._once(index)
        while index >= self.size:
            index = self._once(index)
        return index

    def _once(self, value: int) -> int:
        left, right = divmod(value, 1 << self._half)
        for step in range(_ROUNDS):
            left, right = right, left ^ self._mixed(step, right)
        return left << self._half | right

    def _mixed(self, step: int, value: int) -> int:
        digest = shake_128(f"{self._key}/{step}/{value}".encode()).digest((self._half + 7) // 8)
        return int.from_bytes(digest, "big") % (1 << self._half)
