"""LeNet learns Fashion-MNIST, and shows its filters and what they find in a picture, layer by layer.

A convolution slides a small filter over the picture and gives a map of where it fits; the next layer slides filters
over all these maps together. The filters begin as noise. Training makes edges and textures of them, since those tell
garments apart, and the maps become smaller and say more about less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import wengert as wg
from wengert import d2l, nn, optim
from wengert.train import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class LeNet(d2l.Classifier):
    """LeNet-5 with rectified linear units and the largest of each window, as it would be written today."""

    def __init__(self, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.first = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU())
        self.second = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU())
        self.head = nn.Sequential(
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
            nn.Linear(84, 10),
        )  # fmt: skip
        self.net = nn.Sequential(self.first, self.second, self.head)

    def configure_optimizers(self) -> Any:
        return optim.Adam(self.parameters(), lr=self.hparams["lr"])


def run(max_epochs: int = 2, lr: float = 2e-3, batch_size: int = 128, data: Any = None) -> Figure:
    """Train, print how much of the test pictures each filter of the first layer finds, and draw filters and maps."""
    wg.manual_seed(0)
    data = data or d2l.FashionMNIST(batch_size)
    model = LeNet(lr)
    before = model.first[0].weight.detach().clone()
    print(d2l.Trainer(max_epochs).fit(model, data))

    X, y = next(iter(data.val_dataloader()))
    with wg.no_grad():
        first = model.eval().first(X)
        second = model.second(first)
        said = model.head(second).argmax(1)
    filters = model.first[0].weight.detach()
    for k, (a, b) in enumerate(zip(before, filters, strict=True)):
        likeness = (wg.dot(a.flatten(), b.flatten()) / (a.norm() * b.norm())).item()
        share = (first[:, k] > 0).float().mean().item()
        print(f"filter {k + 1}: fits {share:4.0%} of all places; cosine with what it began as {likeness:5.2f}")

    name, guess = (data.train.classes[int(labels[0])] for labels in (y, said))
    print(f"the picture is of class {name!r}; the network says {guess!r}")
    layers = {
        "picture": X[0], "filters before": before[:, 0], "filters after": filters[:, 0], "what they find": first[0],
        "what the second layer finds": second[0],
    }  # fmt: skip
    figure = plots.new_figure(8, 5)
    for axes, (title, maps) in zip(figure.subplots(len(layers), 1), layers.items(), strict=True):
        axes.imshow(side_by_side(maps), cmap="gray")
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    return figure


def side_by_side(maps: Any) -> np.ndarray:
    """Maps (n, height, width) as one picture with gaps, the smallest item of each black, the largest white."""
    maps = np.asarray(maps)
    low, high = (extreme(maps, axis=(1, 2), keepdims=True) for extreme in (np.min, np.max))
    scaled = (maps - low) / np.maximum(high - low, 1e-12)
    gap = max(1, maps.shape[2] // 5)
    return np.hstack(list(np.pad(scaled, ((0, 0), (0, 0), (0, gap)), constant_values=np.nan)))[:, :-gap]
