"""A language model of letters: a causal TransformerEncoder, sinusoids for places, a warm-up, greedy continuation."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Letters(Dataset):
    """Windows of a text of words that follow one another by chance, and the same windows one letter on."""

    def __init__(self, words=("wren ", "tape ", "node ", "edge "), length=400, block_size=16, seed=0):
        rng = np.random.default_rng(seed)
        text = "".join(rng.choice(words, length // 4))[:length]
        self.chars = sorted(set(text))
        self.stoi = {c: i for i, c in enumerate(self.chars)}
        self.data = torch.tensor([self.stoi[c] for c in text], dtype=torch.long)
        self.block_size = block_size

    def __len__(self):
        return (len(self.data) - 1) // self.block_size

    def __getitem__(self, index):
        chunk = self.data[index * self.block_size : (index + 1) * self.block_size + 1]
        return chunk[:-1], chunk[1:]


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=64):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(1, max_len, d_model)
        pe[0, :, 0::2] = torch.sin(position * div_term)
        pe[0, :, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return self.dropout(x + self.pe[:, : x.size(1)])


class TransformerModel(nn.Module):
    def __init__(self, ntoken=11, d_model=16, nhead=4, d_hid=32, nlayers=2, dropout=0.1):
        super().__init__()
        self.d_model = d_model
        self.embedding = nn.Embedding(ntoken, d_model)
        self.pos_encoder = PositionalEncoding(d_model, dropout)
        layer = nn.TransformerEncoderLayer(d_model, nhead, d_hid, dropout, activation="gelu", batch_first=True)
        self.transformer_encoder = nn.TransformerEncoder(layer, nlayers, norm=nn.LayerNorm(d_model))
        self.linear = nn.Linear(d_model, ntoken, bias=False)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

    def forward(self, src):
        src_mask = nn.Transformer.generate_square_subsequent_mask(src.size(1)).to(src.device)
        x = self.pos_encoder(self.embedding(src) * math.sqrt(self.d_model))
        return self.linear(self.transformer_encoder(x, mask=src_mask, is_causal=True))


@torch.no_grad()
def generate(model, idx, max_new_tokens):
    model.eval()
    for _ in range(max_new_tokens):
        logits = model(idx)[:, -1, :]
        idx = torch.cat((idx, torch.topk(logits, k=1)[1]), dim=1)
    return idx


def make_model(**settings):
    return TransformerModel(**settings)


def main(epochs=4, state=None, shuffle=True, **settings):
    torch.manual_seed(1337)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dataset = Letters()
    loader = DataLoader(dataset, batch_size=8, shuffle=shuffle, drop_last=True)
    model = make_model(ntoken=len(dataset.chars), **settings).to(device)
    if state is not None:
        model.load_state_dict(state)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-2, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.01)
    warmup = 4
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lr_lambda=lambda step: min((step + 1) / warmup, math.sqrt(warmup / (step + 1)))
    )

    losses = []
    for epoch in range(1, epochs + 1):
        model.train()
        total_loss = 0.0
        for xb, yb in loader:
            xb, yb = xb.to(device), yb.to(device)
            logits = model(xb)
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), yb.reshape(-1))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            scheduler.step()
            total_loss += loss.item()
        losses.append(total_loss / len(loader))
        print(f"epoch {epoch} | loss {losses[-1]:.3f} | ppl {math.exp(losses[-1]):.2f}")

    start = torch.tensor([[dataset.stoi[c] for c in "wren t"]], dtype=torch.long, device=device)
    written = generate(model, start, max_new_tokens=8)
    print("".join(dataset.chars[i] for i in written[0].tolist()))
    with torch.no_grad():
        return losses, torch.softmax(model(start)[0], dim=-1).cpu().numpy()


if __name__ == "__main__":
    main()
