"""Which of three processes made a sequence: packed sequences of many lengths through an LSTM of two directions."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset


class Sequences(Dataset):
    """Series of two features that oscillate slowly or fast, or decay, each of a length of its own."""

    def __init__(self, n, seed=0):
        rng = np.random.default_rng(seed)
        self.items = []
        for _ in range(n):
            label, t = int(rng.integers(3)), np.arange(rng.integers(5, 14))
            wave = np.exp(-t / 3) if label == 2 else np.cos((0.5 + label) * t + rng.uniform(0, 6))
            series = np.stack([wave, np.gradient(wave)], axis=1) + rng.normal(0, 0.1, (len(t), 2))
            self.items.append((torch.tensor(series).float(), label))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def collate(batch):
    sequences, labels = zip(*batch, strict=True)
    lengths = torch.tensor([len(s) for s in sequences])
    return pad_sequence(sequences, batch_first=True), lengths, torch.tensor(labels)


class LSTMClassifier(nn.Module):
    def __init__(self, input_size=2, hidden_size=12, num_layers=2, num_classes=3, dropout=0.1):
        super().__init__()
        self.lstm = nn.LSTM(
            input_size, hidden_size, num_layers, batch_first=True, bidirectional=True, dropout=dropout
        )
        self.fc = nn.Linear(4 * hidden_size, num_classes)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        output, (h_n, _c_n) = self.lstm(packed)
        output, lengths = pad_packed_sequence(output, batch_first=True)
        mean = output.sum(dim=1) / lengths.unsqueeze(1).to(output)
        return self.fc(torch.cat([h_n[-2], h_n[-1], mean], dim=1))


def make_model(**settings):
    return LSTMClassifier(**settings)


def main(epochs=5, state=None, shuffle=True, **settings):
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loader = DataLoader(Sequences(96), batch_size=16, shuffle=shuffle, collate_fn=collate)
    model = make_model(**settings).to(device)
    if state is not None:
        model.load_state_dict(state)
    for name, parameter in model.named_parameters():
        if "bias_hh" in name:  # the forget gates open at first
            n = parameter.size(0)
            parameter.data[n // 4 : n // 2].fill_(1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)

    losses = []
    for epoch in range(epochs):
        model.train()
        total = 0
        for x, lengths, y in loader:
            x, y = x.to(device), y.to(device)
            logits = model(x, lengths)
            loss = F.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.detach()
        scheduler.step()
        losses.append((total / len(loader)).item())
        print(f"epoch {epoch}: loss {losses[-1]:.4f}, last norm {norm:.3f}, lr {scheduler.get_last_lr()[0]:.2e}")

    model.eval()
    with torch.no_grad():
        x, lengths, y = collate(list(Sequences(32, seed=1)))
        probabilities = torch.softmax(model(x.to(device), lengths), dim=1).cpu()
        accuracy = (probabilities.argmax(1) == y).float().mean()
        print(f"accuracy: {accuracy:.2f}")
    return losses, probabilities.numpy()


if __name__ == "__main__":
    main()
