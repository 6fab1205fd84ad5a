"""Train a classifier on a folder with a subfolder per class: python examples/train.py photos/ --epochs 20

The model is a softmax regression in NumPy, to have all of it on one page; a network of any framework takes
the same batches. The state of the loader is saved with the weights, so a run that was stopped goes on with
the next batch: start it again with the same arguments.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import imgpar

PIPE = imgpar.Pipeline().resize("16x16", fit="cover")
FEATURES = 16 * 16 * 3
RATE = 0.02


def probabilities(weights: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Of each class, for pictures N×H×W×C of 0 to 1."""
    scores = (pixels.reshape(len(pixels), -1) - 0.5) @ weights
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def class_of(item: imgpar.ArrayItem, classes: list[str]) -> int:
    """The number of the subfolder that a picture is in."""
    return classes.index(item.mirror.split("/")[0])


def train(
    folder: Path, *, epochs: int, saved: Path | None = None, most: int | None = None, jobs: int | None = None
) -> tuple[list[str], np.ndarray]:
    """Train for some epochs, or for `most` batches of them.

    Args:
        folder: with a subfolder of pictures for each class.
        epochs: how often each picture is seen.
        saved: weights and state, which are read if they exist, and written at the end.
        most: batches after which to stop.
        jobs: worker processes; None is one per core.

    Returns:
        The classes and the weights.
    """
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    weights, state = np.zeros((FEATURES, len(classes))), None
    if saved is not None and saved.exists():
        kept = json.loads(saved.read_text(encoding="utf-8"))
        weights, state = np.array(kept["weights"]), kept["state"]
    batches = PIPE.batches(
        folder, size=16, shuffle=0, repeat=epochs, dtype="float32", errors="skip", state=state, jobs=jobs,
        on_event=tell,
    )  # fmt: skip
    for count, batch in enumerate(batches, 1):
        right = np.eye(len(classes))[[class_of(item, classes) for item in batch.items]]
        wrong = probabilities(weights, batch.array) - right
        pixels = batch.array.reshape(len(batch), -1) - 0.5
        weights -= RATE * pixels.T @ wrong / len(batch)
        if count == most:
            break
    if saved is not None:
        kept = {"weights": weights.tolist(), "state": batches.state_dict()}
        saved.write_text(json.dumps(kept), encoding="utf-8")
    batches.close()
    return classes, weights


def tell(event: imgpar.Event) -> None:
    """Say which pictures cannot be read."""
    if event.outcome is not None and event.outcome.status == "failed":
        print(f"{event.outcome.source}: {event.outcome.error}")


def accuracy(folder: Path, classes: list[str], weights: np.ndarray, jobs: int | None = None) -> float:
    """The share of pictures whose most probable class is right."""
    right = total = 0
    for batch in PIPE.batches(folder, size=64, dtype="float32", errors="skip", jobs=jobs, on_event=tell):
        found = probabilities(weights, batch.array).argmax(axis=1)
        right += sum(class_of(item, classes) == one for item, one in zip(batch.items, found, strict=True))
        total += len(batch)
    return right / total


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train a classifier on a folder with a subfolder per class.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--saved", type=Path, help="weights and state, to go on from and to write")
    args = parser.parse_args()
    classes, weights = train(args.folder, epochs=args.epochs, saved=args.saved)
    print(f"{len(classes)} classes, {accuracy(args.folder, classes, weights):.1%} right")


if __name__ == "__main__":
    main()
