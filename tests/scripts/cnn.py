"""Bars in noisy pictures: a small convolutional network, a step schedule, a checkpoint that is saved and loaded."""

import io

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset


def make_pictures(n, seed):
    """Pictures of 12 by 12 with a bar that lies, stands, rises or falls."""
    rng = np.random.default_rng(seed)
    images, labels = rng.normal(0, 0.3, (n, 1, 12, 12)).astype(np.float32), rng.integers(0, 4, n)
    for image, label, at in zip(images[:, 0], labels, rng.integers(1, 11, n), strict=True):
        if label == 0:
            image[at] += 1
        elif label == 1:
            image[:, at] += 1
        else:
            image += np.eye(12, k=(at - 6) // 2, dtype=np.float32)[:: 1 if label == 2 else -1]
    return images, labels.astype(np.int64)


class Net(nn.Module):
    def __init__(self, dropout=0.25):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(16)
        self.pool = nn.MaxPool2d(2, 2)
        self.dropout = nn.Dropout(dropout)
        self.fc1 = nn.Linear(16 * 3 * 3, 32)
        self.fc2 = nn.Linear(32, 4)

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        x = self.pool(F.relu(self.bn2(self.conv2(x))))
        x = x.view(x.size(0), -1)
        x = self.dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def make_model(**settings):
    return Net(**settings)


def train(model, device, loader, optimizer, epoch):
    model.train()
    total = 0.0
    for batch, (data, target) in enumerate(loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        total += loss.item()
        if batch % 4 == 0:
            print(f"Train Epoch: {epoch} [{batch * len(data)}/{len(loader.dataset)}]\tLoss: {loss.item():.6f}")
    return total / len(loader)


def test(model, device, loader):
    model.eval()
    loss, correct, outputs = 0.0, 0, []
    with torch.no_grad():
        for data, target in loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            loss += F.nll_loss(output, target, reduction="sum").item()
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
            outputs.append(output)
    count = len(loader.dataset)
    print(f"Test set: Average loss: {loss / count:.4f}, Accuracy: {correct}/{count} ({100.0 * correct / count:.0f}%)")
    return torch.cat(outputs).exp().cpu().numpy()


def main(epochs=4, state=None, shuffle=True, **settings):
    torch.manual_seed(1)
    use_cuda = torch.cuda.is_available()
    device = torch.device("cuda" if use_cuda else "cpu")
    options = {"num_workers": 0, "pin_memory": use_cuda}
    train_set = TensorDataset(*map(torch.from_numpy, make_pictures(160, seed=0)))
    test_set = TensorDataset(*map(torch.from_numpy, make_pictures(40, seed=1)))
    train_loader = DataLoader(train_set, batch_size=16, shuffle=shuffle, **options)
    test_loader = DataLoader(test_set, batch_size=40, shuffle=False, **options)

    model = make_model(**settings).to(device)
    if state is not None:
        model.load_state_dict(state)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = StepLR(optimizer, step_size=2, gamma=0.3)
    losses = []
    for epoch in range(1, epochs + 1):
        losses.append(train(model, device, train_loader, optimizer, epoch))
        scheduler.step()

    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epochs}, file)
    file.seek(0)
    checkpoint = torch.load(file, map_location=device)
    restored = make_model(**settings).to(device)
    restored.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    return losses, test(restored, device, test_loader)


if __name__ == "__main__":
    main()
