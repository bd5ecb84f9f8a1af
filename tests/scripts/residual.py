"""Textures by a small residual network: groups of parameters, a warm-up, clipping, averaged weights."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset


def make_textures(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of three channels, 8 by 8, of waves that run along three directions."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    angle, phase = labels * np.pi / 3, rng.uniform(0, 2 * np.pi, (n, 3))
    i, j = np.mgrid[:8, :8]
    along = np.cos(angle)[:, None, None] * i + np.sin(angle)[:, None, None] * j
    images = np.sin(1.5 * along[:, None] + phase[:, :, None, None]) + rng.normal(0, 0.3, (n, 3, 8, 8))
    return images.astype(np.float32), labels


class BasicBlock(nn.Module):
    def __init__(self, in_planes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, planes, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


class ResNet(nn.Module):
    def __init__(self, blocks: tuple[int, ...] = (1, 1), planes: int = 8, num_classes: int = 3) -> None:
        super().__init__()
        self.in_planes = planes
        self.stem = nn.Sequential(nn.Conv2d(3, planes, 3, 1, 1, bias=False), nn.BatchNorm2d(planes), nn.ReLU(True))
        stages = [self._make_stage(planes * 2**i, n, stride=1 if i == 0 else 2) for i, n in enumerate(blocks)]
        self.stages = nn.Sequential(*stages)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(self.in_planes, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def _make_stage(self, planes: int, blocks: int, stride: int) -> nn.Sequential:
        layers = []
        for s in [stride] + [1] * (blocks - 1):
            layers.append(BasicBlock(self.in_planes, planes, s))
            self.in_planes = planes
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(self.stem(x))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def make_model() -> ResNet:
    return ResNet()


def main(epochs: int = 4, state: dict | None = None, shuffle: bool = True) -> tuple[list[float], np.ndarray]:
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    images, labels = make_textures(128)
    dataset = TensorDataset(torch.tensor(images), torch.tensor(labels))
    loader = DataLoader(dataset, batch_size=32, shuffle=shuffle)

    model = make_model().to(device)
    if state is not None:
        model.load_state_dict(state)
    print(f"{sum(p.numel() for p in model.parameters() if p.requires_grad):,} parameters")
    decay = [p for p in model.parameters() if p.ndim > 1]
    no_decay = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": 1e-3}, {"params": no_decay, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.05, momentum=0.9)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(loader) - 4)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[4])
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05).to(device)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.8), use_buffers=True)

    losses = []
    for epoch in range(epochs):
        model.train()
        total, correct = 0.0, 0
        for x, y in loader:
            x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
            outputs = model(x)
            loss = criterion(outputs, y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            clip_grad_norm_(model.parameters(), max_norm=5.0)
            optimizer.step()
            scheduler.step()
            averaged.update_parameters(model)
            total += loss.item() * x.shape[0]
            _, predicted = outputs.max(1)
            correct += (predicted == y).sum().item()
        losses.append(total / len(dataset))
        print(f"[{epoch + 1}/{epochs}] loss {losses[-1]:.3f}, accuracy {correct / len(dataset):.1%}")

    averaged.eval()
    with torch.no_grad():
        logits = averaged(torch.from_numpy(make_textures(32, seed=1)[0]).to(device))
        return losses, F.softmax(logits, dim=-1).cpu().numpy()


if __name__ == "__main__":
    main()
