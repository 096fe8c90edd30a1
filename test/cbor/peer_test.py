#!/usr/bin/env python3
"""Debian's python3-cbor2 and valpool read what the other one writes.

  test/cbor/peer_test.py PROGRAM    PROGRAM: the built cbor_lines
"""
import ast
import math
import os
import random
import struct
import subprocess
import sys

import cbor2

program = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
seed = int(os.environ.get("VALPOOL_MODEL_SEED", random.randrange(2**32)))
print(f"VALPOOL_MODEL_SEED={seed}")
dice = random.Random(seed)


def ask(line):
    program.stdin.write(line + "\n")
    program.stdin.flush()
    answer = program.stdout.readline().rstrip("\n")
    assert answer and not answer.startswith("error"), f"{line}\n{answer}"
    return answer


def number():
    return dice.choice([
        lambda: dice.randrange(-300, 300),
        lambda: dice.randrange(-2**31 - 2, 2**31 + 2),
        lambda: dice.randrange(-2**64 - 2, 2**64 + 2),
        lambda: dice.randrange(-2**200, 2**200),
        lambda: dice.random() * 10 ** dice.randrange(-300, 300),
        lambda: dice.choice([0.0, -0.0, 1.5, math.inf, -math.inf]),
        lambda: dice.choice([True, False, None]),
    ])()


def text():
    return "".join(dice.choice("ab'\"\\\n\u00e4\u20ac\U0001f600") for _ in range(dice.randrange(30)))


def value(levels=4):
    if levels == 0 or dice.random() < 0.4:
        return dice.choice([number, text])()
    if dice.random() < 0.5:
        return [value(levels - 1) for _ in range(dice.randrange(30))]
    return {dice.choice([text(), dice.randrange(-9, 2**70)]): value(levels - 1) for _ in range(dice.randrange(8))}


def literal(thing):
    """As valpool reads it: text is its UTF-8 bytes, and what is not finite has a name."""
    if isinstance(thing, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in thing.items()) + "}"
    if isinstance(thing, list):
        return "[" + ", ".join(map(literal, thing)) + "]"
    if isinstance(thing, str):
        return "'" + "".join(f"\\x{b:02x}" for b in thing.encode()) + "'"
    return repr(thing)


def same(a, b):
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    return a == b and type(a) is type(b)


def check_values():
    for _ in range(500):
        v = value()
        assert same(cbor2.loads(bytes.fromhex(ask("write " + literal(v)))), v), v
        assert same(cbor2.loads(bytes.fromhex(ask("again " + cbor2.dumps(v).hex()))), v), v
        shortest = cbor2.dumps(v, canonical=True)  # halves among it
        assert cbor2.loads(bytes.fromhex(ask("again " + shortest.hex()))) == v, v


def check_tags():
    def read(literal_text):
        return cbor2.loads(bytes.fromhex(ask("write " + literal_text)))

    def tagged(tag, content):
        return ask("read " + cbor2.dumps(cbor2.CBORTag(tag, content)).hex())

    assert read("(1+2j)") == cbor2.CBORTag(43000, [1.0, 2.0])
    assert read("array([1,2], 'd')") == cbor2.CBORTag(86, struct.pack("<2d", 1, 2))
    assert read("array([1,-2], 's')") == cbor2.CBORTag(77, struct.pack("<2h", 1, -2))
    assert read("array([True,False], 'b')") == cbor2.CBORTag(41, [True, False])
    assert read("array([(1+2j)], 'D')") == cbor2.CBORTag(43001, cbor2.CBORTag(86, struct.pack("<2d", 1, 2)))
    assert read("'\\xff'") == b"\xff"
    assert tagged(82, struct.pack(">2d", 1, 2)) == "array([1.0,2.0], 'd')"
    assert tagged(84, struct.pack("<3e", 1, -2, math.inf)) == "array([1.0,-2.0,inf], 'f')"
    assert tagged(43000, [1, 2.5]) == "(1+2.5j)"
    assert tagged(1234567, "x") == "'x'"


def check_halves():
    for bits in range(0, 65536, 7):
        encoded = struct.pack(">BH", 0xF9, bits)
        theirs = cbor2.loads(encoded)
        ours = cbor2.loads(bytes.fromhex(ask("again " + encoded.hex())))
        assert ours == theirs or (math.isnan(ours) and math.isnan(theirs)), hex(bits)


check_values()
check_tags()
check_halves()
assert ast.literal_eval(ask("read " + cbor2.dumps({"a": [1, 2.5, None]}).hex())) == {"a": [1, 2.5, None]}
program.stdin.close()
sys.exit(program.wait())
