"""A variational autoencoder of small pictures: distributions, the reparametrised sample, a divergence that warms up."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.utils.data import DataLoader, TensorDataset


def make_pictures(n=192, seed=0):
    """Round spots somewhere on 8 by 8 points, between 0 and 1."""
    rng = np.random.default_rng(seed)
    i, j = np.mgrid[:8, :8]
    y, x = rng.uniform(1, 6, (2, n, 1, 1))
    return np.exp(-((i - y) ** 2 + (j - x) ** 2) / 3).reshape(n, 64).astype("float32")


class VAE(nn.Module):
    def __init__(self, input_dim=64, hidden_dim=32, latent_dim=3):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(input_dim, hidden_dim), nn.LeakyReLU(0.2))
        self.fc_mu = nn.Linear(hidden_dim, latent_dim)
        self.fc_scale = nn.Linear(hidden_dim, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim, hidden_dim), nn.SiLU(), nn.Linear(hidden_dim, input_dim))
        self.register_buffer("prior_loc", torch.zeros(latent_dim))
        self.register_buffer("prior_scale", torch.ones(latent_dim))

    def encode(self, x):
        h = self.encoder(x)
        return Normal(self.fc_mu(h), F.softplus(self.fc_scale(h)) + 1e-4)

    def decode(self, z):
        return Independent(Bernoulli(logits=self.decoder(z), validate_args=False), 1)

    def forward(self, x, eps=None):
        q = self.encode(x)
        z = q.rsample() if eps is None else q.loc + q.scale * eps
        return self.decode(z), q


def elbo(model, x, beta=1.0, eps=None):
    p, q = model(x, eps)
    prior = Normal(model.prior_loc, model.prior_scale)
    divergence = kl_divergence(q, prior).sum(dim=-1)
    return (p.log_prob(x) - beta * divergence).mean()


def make_model():
    return VAE()


def main(epochs=6, state=None, shuffle=True, noise=None):
    """`noise`, a generator of NumPy, makes the samples instead of `rsample`."""
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dataset = TensorDataset(torch.from_numpy(make_pictures()))
    loader = DataLoader(dataset, batch_size=32, shuffle=shuffle)
    model = make_model().to(device)
    if state is not None:
        model.load_state_dict(state)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1e-2, epochs=epochs, steps_per_epoch=len(loader), cycle_momentum=False
    )

    losses = []
    for epoch in range(epochs):
        model.train()
        train_loss = 0.0
        for (x,) in loader:
            x = x.to(device)
            eps = None if noise is None else torch.as_tensor(noise.normal(size=(len(x), 3)), dtype=x.dtype)
            loss = -elbo(model, x, beta=min(1.0, (epoch + 1) / 3), eps=eps)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            train_loss += loss.item() * len(x)
        losses.append(train_loss / len(dataset))
        print(f"====> Epoch: {epoch} Average loss: {losses[-1]:.4f}")

    model.eval()
    with torch.no_grad():
        sample = model.decode(Normal(model.prior_loc, model.prior_scale).sample((4,))).sample()
        assert sample.shape == (4, 64)
        x = dataset.tensors[0][:16].to(device)
        q = model.encode(x)
        reconstruction = model.decode(q.mean).mean
        print(f"entropy {q.entropy().mean():.3f}, error {F.l1_loss(reconstruction, x):.3f}")
    return losses, reconstruction.cpu().numpy()


if __name__ == "__main__":
    main()
