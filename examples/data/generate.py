#!/usr/bin/env python3
"""Writes bank.csv and clinic.csv, and prints what a correct training on them must find.

Nothing here is about real people: every number comes from the generator below, which gives the same on every machine.
    python3 generate.py            writes the two files beside this one and prints the known answers
    python3 generate.py --check    compares the files with what would be written; ends with 1 when they differ
"""

import math
import pathlib
import sys

PEOPLE = 140  # everybody there is; each side knows 120 of them, 100 are known to both
BANK = ["income", "debt", "tenure"]
CLINIC = ["pressure", "glucose", "visits", "age"]
# How the label comes about: features of both sides matter, so neither side alone can find it.
WEIGHTS = {"income": -1.6, "debt": 1.2, "tenure": 0.0, "pressure": 1.4, "glucose": 0.9, "visits": 0.0, "age": -0.7}


def numbers(seed):
    """Uniform numbers in [-1, 1): xorshift, 64 bits."""
    state = seed
    while True:
        state ^= (state << 13) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= (state << 17) & 0xFFFFFFFFFFFFFFFF
        yield (state >> 11) / (1 << 53) * 2.0 - 1.0


def people():
    uniform = numbers(0x2545F4914F6CDD1D)
    for number in range(PEOPLE):
        features = {name: round(next(uniform) * 1.7, 4) for name in WEIGHTS}
        score = sum(WEIGHTS[name] * value for name, value in features.items())
        label = int(score + 3.0 * next(uniform) > 0)
        yield f"p{number:03d}", label, features


def known_to_bank(number):
    return number % 7 != 2  # 120 of 140


def known_to_clinic(number):
    return number % 7 != 5  # another 120 of 140; 100 in both


def tables():
    bank = [",".join(["id", "y", *BANK])]
    clinic = [",".join(["id", *CLINIC])]
    for number, (who, label, features) in enumerate(people()):
        if known_to_bank(number):
            bank.append(",".join([who, str(label), *(f"{features[name]:.4f}" for name in BANK)]))
        if known_to_clinic(number):
            clinic.append(",".join([who, *(f"{features[name]:.4f}" for name in CLINIC)]))
    # The two know people in different orders.
    clinic[1:] = clinic[:0:-1]
    return {"bank.csv": "\n".join(bank) + "\n", "clinic.csv": "\n".join(clinic) + "\n"}


def area_under_curve(labels, scores):
    positive = [score for label, score in zip(labels, scores) if label]
    negative = [score for label, score in zip(labels, scores) if not label]
    wins = sum((a > b) + 0.5 * (a == b) for a in positive for b in negative)
    return wins / (len(positive) * len(negative))


def train(rows, labels, epochs=2000, rate=0.3, alpha=0.01):
    """Plain logistic regression by gradient descent on pooled rows: the answer that federated training must meet."""
    weights = [0.0] * len(rows[0])
    intercept = 0.0
    for _ in range(epochs):
        gradient = [alpha * weight for weight in weights]
        shift = 0.0
        for row, label in zip(rows, labels):
            score = intercept + sum(w * x for w, x in zip(weights, row))
            error = (1.0 / (1.0 + math.exp(-score)) - label) / len(rows)
            gradient = [g + error * x for g, x in zip(gradient, row)]
            shift += error
        weights = [w - rate * g for w, g in zip(weights, gradient)]
        intercept -= rate * shift
    return [intercept + sum(w * x for w, x in zip(weights, row)) for row in rows]


def answers():
    both = [one for number, one in enumerate(people()) if known_to_bank(number) and known_to_clinic(number)]
    labels = [label for _, label, _ in both]
    print(f"people known to both: {len(both)}, of whom {sum(labels)} have y = 1")
    for name, columns in [("pooled", BANK + CLINIC), ("bank alone", BANK), ("clinic alone", CLINIC)]:
        scores = train([[features[column] for column in columns] for _, _, features in both], labels)
        print(f"auc, {name}: {area_under_curve(labels, scores):.4f}")


def main():
    here = pathlib.Path(__file__).resolve().parent
    if "--check" in sys.argv[1:]:
        different = [name for name, text in tables().items() if (here / name).read_text() != text]
        sys.exit(f"out of date: {', '.join(different)}" if different else 0)
    for name, text in tables().items():
        (here / name).write_text(text)
    answers()


if __name__ == "__main__":
    main()
