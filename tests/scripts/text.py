"""Praise or blame: attention over embedded words, or a bag of them; vocabulary and collation by hand."""

from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

WORDS = {
    0: ["dull", "slow", "poor", "boring", "weak", "bad"],
    1: ["bright", "quick", "fine", "thrilling", "strong", "good"],
    None: ["the", "a", "film", "plot", "actor", "scene", "was", "is", "and", "very", "with", "music"],
}


def make_reviews(n, seed=0):
    rng = np.random.default_rng(seed)
    reviews = []
    for _ in range(n):
        label = int(rng.integers(2))
        words = [*rng.choice(WORDS[None], rng.integers(3, 9)), *rng.choice(WORDS[label], rng.integers(1, 4))]
        rng.shuffle(words)
        reviews.append((" ".join(words), label))
    return reviews


class Vocabulary:
    def __init__(self, texts, min_freq=1):
        counts = Counter(word for text in texts for word in text.split())
        self.itos = ["<pad>", "<unk>", *sorted(word for word, count in counts.items() if count >= min_freq)]
        self.stoi = {word: i for i, word in enumerate(self.itos)}

    def __len__(self):
        return len(self.itos)

    def encode(self, text):
        return [self.stoi.get(word, 1) for word in text.split()]


class AttentionClassifier(nn.Module):
    def __init__(self, vocab_size, embed_dim=16, num_classes=2):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_dim, padding_idx=0)
        self.query = nn.Parameter(torch.randn(embed_dim) * 0.1)
        self.key = nn.Linear(embed_dim, embed_dim)
        self.fc = nn.Linear(embed_dim, num_classes)

    def forward(self, ids):
        mask = ids != 0
        x = self.embedding(ids)
        scores = torch.einsum("bld,d->bl", torch.tanh(self.key(x)), self.query)
        weights = F.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1)
        return self.fc(torch.bmm(weights.unsqueeze(1), x).squeeze(1))

    @staticmethod
    def collate(sequences):
        width = max(map(len, sequences))
        return (torch.LongTensor([ids + [0] * (width - len(ids)) for ids in sequences]),)


class BagClassifier(nn.Module):
    def __init__(self, vocab_size, embed_dim=16, num_classes=2):
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim, mode="mean")
        self.fc = nn.Linear(embed_dim, num_classes)
        self.init_weights()

    def init_weights(self):
        initrange = 0.5
        self.embedding.weight.data.uniform_(-initrange, initrange)
        self.fc.weight.data.uniform_(-initrange, initrange)
        self.fc.bias.data.zero_()

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))

    @staticmethod
    def collate(sequences):
        offsets = torch.tensor([0, *[len(ids) for ids in sequences][:-1]]).cumsum(dim=0)
        return torch.cat([torch.tensor(ids, dtype=torch.int64) for ids in sequences]), offsets


def make_model(kind="attention", vocab_size=26):
    return {"attention": AttentionClassifier, "bag": BagClassifier}[kind](vocab_size)


def main(epochs=4, state=None, shuffle=True, kind="attention"):
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    reviews = make_reviews(160)
    vocab = Vocabulary(text for text, _ in reviews)
    model = make_model(kind, len(vocab)).to(device)
    if state is not None:
        model.load_state_dict(state)

    def collate(batch):
        labels = torch.tensor([label for _, label in batch], dtype=torch.int64)
        inputs = model.collate([vocab.encode(text) for text, _ in batch])
        return [x.to(device) for x in inputs], labels.to(device)

    loader = DataLoader(reviews, batch_size=16, shuffle=shuffle, collate_fn=collate)
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 1.2], device=device))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2, amsgrad=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.8**epoch)
    losses = []
    for epoch in range(epochs):
        model.train()
        total_acc, total_count, total_loss = 0, 0, 0.0
        for inputs, labels in loader:
            optimizer.zero_grad()
            predicted = model(*inputs)
            loss = criterion(predicted, labels)
            loss.backward()
            torch.nn.utils.clip_grad_value_(model.parameters(), 0.5)
            optimizer.step()
            total_acc += (predicted.argmax(1) == labels).sum().item()
            total_count += labels.size(0)
            total_loss += loss.item()
        scheduler.step()
        losses.append(total_loss / len(loader))
        print(f"| epoch {epoch:3d} | loss {losses[-1]:6.3f} | accuracy {total_acc / total_count:6.3f}")

    model.eval()
    with torch.inference_mode():
        inputs, labels = collate(make_reviews(40, seed=1))
        probabilities = F.softmax(model(*inputs), dim=1)
    return losses, probabilities.cpu().numpy()


if __name__ == "__main__":
    main()
