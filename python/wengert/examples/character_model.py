"""A gated recurrent network reads a text letter by letter until it can write it from its first letter on.

At each letter it updates a state, from which it says what comes next. Where a letter has several followers only the
state can tell which, so it must remember where in the text it is: words, and which of them came before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert as wg
from wengert import nn, optim
from wengert.nn import functional as F
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = (
    "a tape is a list of all that was computed, in the order in which it was computed. read forwards, it says how "
    "the result changes when an input does; read backwards, it says how much of the result each input answers for."
)


class Reader(nn.Module):
    """Logits of the next letter at every place, and the state after the last."""

    def __init__(self, letters: int, hidden: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(letters, 16)
        self.cells = nn.GRU(16, hidden)
        self.out = nn.Linear(hidden, letters)

    def forward(self, text: Any, state: Any = None) -> tuple[Any, Any]:
        states, state = self.cells(self.letters(text), state)
        return self.out(states), state


def write(model: Reader, start: Any, length: int) -> list[int]:
    """The likeliest letter again and again, each of which is read before the next is written."""
    found: list[int] = start.tolist()
    with wg.no_grad():
        logits, state = model(start)
        while len(found) < length:
            found.append(int(logits[-1].argmax().item()))
            logits, state = model(wg.tensor(found[-1:]), state)
    return found


def run(text: str = TEXT, hidden: int = 64, most: int = 1000, every: int = 50, lr: float = 1e-2) -> Figure:
    """Train until the text is reproduced, and draw the loss, and what some units of the state do over the text."""
    wg.manual_seed(0)
    alphabet = sorted(set(text))
    tokens = wg.tensor([alphabet.index(letter) for letter in text])
    model = Reader(len(alphabet), hidden)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    losses: list[float] = []
    for step in range(1, most + 1):
        logits, _ = model(tokens[:-1])
        loss = F.cross_entropy(logits, tokens[1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % every == 0:
            written = "".join(alphabet[k] for k in write(model, tokens[:1], len(text)))
            print(f"step {step:4}: loss {losses[-1]:.4f}: {written[:60]}")
            if written == text:
                print(f"after {step} steps all {len(text)} letters are reproduced from the first one")
                break
    else:
        print(f"after {most} steps the text is not reproduced yet")

    with wg.no_grad():
        states, _ = model.cells(model.letters(tokens[:48]))
    figure = new_figure(10, 3.2)
    left, right = figure.subplots(1, 2, width_ratios=[1, 2.4])
    left.semilogy(range(1, len(losses) + 1), losses)
    left.set(xlabel="step", ylabel="loss")
    left.grid(alpha=0.3)
    right.imshow(states[:, :16].T.numpy(), vmin=-1, vmax=1, cmap="RdBu_r", aspect="auto")
    right.set_xticks(range(len(states)), list(text[: len(states)]))
    right.set(xlabel="letter that was read", ylabel="unit of the state")
    return figure
