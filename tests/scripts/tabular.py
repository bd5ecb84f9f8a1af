"""Prices from numbers and categories: embeddings beside columns, early stopping, a plateau schedule."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset, Subset

CARDINALITIES = (5, 3)


class Houses(Dataset):
    def __init__(self, n=320, seed=0):
        rng = np.random.default_rng(seed)
        numbers = rng.normal(size=(n, 6))
        categories = np.stack([rng.integers(0, k, n) for k in CARDINALITIES], axis=1)
        price = numbers[:, 0] - 0.5 * numbers[:, 1] * numbers[:, 2] + 0.6 * categories[:, 0] - categories[:, 1]
        self.numbers = torch.tensor(numbers, dtype=torch.float32)
        self.categories = torch.tensor(categories, dtype=torch.long)
        self.price = torch.tensor(price + 0.05 * rng.normal(size=n), dtype=torch.float32).unsqueeze(1)

    def __len__(self):
        return len(self.price)

    def __getitem__(self, i):
        return self.numbers[i], self.categories[i], self.price[i]


class TabularNet(nn.Module):
    def __init__(self, n_numbers=6, width=32, dropout=0.05):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(k, 4) for k in CARDINALITIES])
        self.norm = nn.BatchNorm1d(n_numbers)
        self.layers = nn.Sequential(
            nn.Linear(n_numbers + 4 * len(CARDINALITIES), width),
            nn.ReLU(inplace=True),
            nn.BatchNorm1d(width),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, 1),
        )

    def forward(self, numbers, categories):
        embedded = [embedding(categories[:, i]) for i, embedding in enumerate(self.embeddings)]
        return self.layers(torch.cat([self.norm(numbers), *embedded], dim=1))


def make_model(**settings):
    return TabularNet(**settings)


def evaluate(model, loader, device):
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for numbers, categories, price in loader:
            numbers, categories, price = numbers.to(device), categories.to(device), price.to(device)
            total += F.mse_loss(model(numbers, categories), price, reduction="sum").item()
            count += price.size(0)
    return total / count


def main(epochs=8, state=None, shuffle=True, **settings):
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    houses = Houses()
    train_set, val_set = Subset(houses, range(256)), Subset(houses, range(256, len(houses)))
    train_loader = DataLoader(train_set, batch_size=32, shuffle=shuffle, drop_last=True)
    val_loader = DataLoader(val_set, batch_size=64)

    model = make_model(**settings).to(device)
    if state is not None:
        model.load_state_dict(state)
    criterion = nn.SmoothL1Loss()
    optimizer = optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-3)
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=1)

    losses, best, best_state, patience = [], float("inf"), None, 0
    for epoch in range(epochs):
        model.train()
        running = 0.0
        for numbers, categories, price in train_loader:
            numbers, categories, price = numbers.to(device), categories.to(device), price.to(device)
            optimizer.zero_grad()
            loss = criterion(model(numbers, categories), price)
            loss.backward()
            optimizer.step()
            running += loss.item() * price.size(0)
        losses.append(running / len(train_set))
        val_loss = evaluate(model, val_loader, device)
        scheduler.step(val_loss)
        print(f"epoch {epoch + 1:2d} | train {losses[-1]:.4f} | val {val_loss:.4f} | {optimizer.param_groups[0]['lr']}")
        if val_loss < best:
            best, best_state, patience = val_loss, copy.deepcopy(model.state_dict()), 0
        else:
            patience += 1
            if patience >= 4:
                break

    model.load_state_dict(best_state)
    model.eval()
    with torch.no_grad():
        predictions = [model(n.to(device), c.to(device)).squeeze(1).cpu() for n, c, _ in val_loader]
    return losses, torch.cat(predictions).numpy()


if __name__ == "__main__":
    main()
