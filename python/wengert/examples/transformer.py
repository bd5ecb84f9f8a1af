"""A small Transformer learns to write words backwards, and shows where it looks for each letter.

It reads letters, a bar, and what it has written so far, and says what comes next: a causal mask keeps each place from
seeing those behind it, so that all of a word's places learn at once. Attention has no notion of order, but for what is
added to each letter: a vector of its place, learned like the letters' own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert as wg
from wengert import nn, optim
from wengert.nn import functional as F
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LETTERS = "abcdefghij"
BAR = len(LETTERS)


class Writer(nn.Module):
    """Logits of the next letter at every place of a text."""

    def __init__(self, places: int, width: int, heads: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(LETTERS) + 1, width)
        self.places = nn.Parameter(0.1 * wg.randn(places, width))
        self.layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True)
        self.out = nn.Linear(width, len(LETTERS))

    def forward(self, text: Any) -> Any:
        mask = nn.Transformer.generate_square_subsequent_mask(text.shape[1])
        return self.out(self.layer(self.placed(text), mask, is_causal=True))

    def placed(self, text: Any) -> Any:
        return self.letters(text) + self.places[: text.shape[1]]

    def weights(self, text: Any) -> Any:
        """What each place gathers from each: (heads, places, places)."""
        x, mask = self.placed(text), nn.Transformer.generate_square_subsequent_mask(text.shape[1])
        _, found = self.layer.self_attn(x, x, x, attn_mask=mask, average_attn_weights=False)
        return found[0]


def texts(count: int, length: int) -> Any:
    """Words, the bar, and the words backwards."""
    words = wg.randint(0, len(LETTERS), (count, length))
    return wg.cat([words, wg.full((count, 1), BAR), words.flip(1)], 1)


def write(model: Writer, words: Any) -> Any:
    """The model's own continuation, letter by letter."""
    text = wg.cat([words, wg.full((len(words), 1), BAR)], 1)
    with wg.no_grad():
        for _ in range(words.shape[1]):
            text = wg.cat([text, model(text)[:, -1].argmax(1, keepdim=True)], 1)
    return text[:, words.shape[1] + 1 :]


def spelled(word: Any) -> str:
    return "".join((LETTERS + "|")[k] for k in word.tolist())


def run(length: int = 8, width: int = 32, heads: int = 2, steps: int = 400, batch: int = 64) -> Figure:
    """Train on words that are made up as they are needed, and draw the weights of one that is new."""
    wg.manual_seed(0)
    model = Writer(2 * length, width, heads)
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    for step in range(1, steps + 1):
        text = texts(batch, length)
        logits = model(text[:, :-1])[:, length:]  # from the bar on, where the next letter is known
        loss = F.cross_entropy(logits.reshape(-1, len(LETTERS)), text[:, length + 1 :].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % max(1, steps // 5) == 0:
            print(f"step {step:4}: loss {loss.item():.4f}")

    words = wg.randint(0, len(LETTERS), (200, length))
    written = write(model, words)
    right = (written == words.flip(1)).float().mean().item()
    print(f"of 200 new words, {right:.1%} of the letters are right: {spelled(words[0])} gives {spelled(written[0])}")

    text = wg.cat([words[:1], wg.full((1, 1), BAR), written[:1, :-1]], 1)
    with wg.no_grad():
        seen = model.weights(text)
    figure = new_figure(4.2 * heads, 2.8)
    for head, axes in enumerate(figure.subplots(1, heads, squeeze=False)[0]):
        axes.imshow(seen[head, length:].numpy(), vmin=0, vmax=1, cmap="Blues")
        axes.set_xticks(range(2 * length), list(spelled(text[0])))
        axes.set_yticks(range(length), list(spelled(written[0])))
        axes.set(xlabel="looks at", ylabel="to write", title=f"head {head + 1}")
    return figure
