"""Heat in a rod by a physics-informed network: derivatives of the network in its loss, Adam, then LBFGS.

The equation is u_t = a u_xx on 0 <= x <= 1 with u = 0 at both ends and u(x, 0) = sin(pi x), whose solution is
u = exp(-a pi^2 t) sin(pi x).
"""

import itertools

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

DIFFUSIVITY = 0.1


class PINN(nn.Module):
    def __init__(self, layers=(2, 16, 16, 1)):
        super().__init__()
        modules = []
        for n_in, n_out in itertools.pairwise(layers):
            modules += [nn.Linear(n_in, n_out), nn.Tanh()]
        self.net = nn.Sequential(*modules[:-1])
        self.net.apply(self.init_weights)

    @staticmethod
    def init_weights(m):
        if isinstance(m, nn.Linear):
            nn.init.xavier_normal_(m.weight)
            nn.init.zeros_(m.bias)

    def forward(self, x, t):
        return self.net(torch.cat([x, t], dim=1))


def residual(model, x, t):
    x, t = x.clone().requires_grad_(True), t.clone().requires_grad_(True)
    u = model(x, t)
    u_x, u_t = torch.autograd.grad(u, (x, t), grad_outputs=torch.ones_like(u), create_graph=True)
    u_xx = torch.autograd.grad(u_x, x, torch.ones_like(u_x), create_graph=True, retain_graph=True)[0]
    return u_t - DIFFUSIVITY * u_xx


def make_points(n=128, n_boundary=32, seed=0):
    """Points inside; and at the ends and at the start, where the solution is known."""
    rng = np.random.default_rng(seed)
    inside = rng.uniform(size=(n, 2))
    ends = np.stack([rng.integers(0, 2, n_boundary), rng.uniform(size=n_boundary)], axis=1)
    start = np.stack([rng.uniform(size=n_boundary), np.zeros(n_boundary)], axis=1)
    known = np.concatenate([ends, start])
    u = np.where(known[:, 1:] == 0, np.sin(np.pi * known[:, :1]), 0.0)
    return [torch.tensor(a, dtype=torch.float32) for a in (inside, known, u)]


def make_model():
    return PINN()


def main(epochs=15, state=None, shuffle=True, lbfgs_steps=10):
    torch.manual_seed(1234)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    inside, known, u_known = (a.to(device) for a in make_points())
    loader = DataLoader(TensorDataset(inside), batch_size=32, shuffle=shuffle)
    model = make_model().to(device)
    if state is not None:
        model.load_state_dict(state)
    mse = nn.MSELoss()

    def objective(points):
        f = residual(model, points[:, 0:1], points[:, 1:2])
        return mse(f, torch.zeros_like(f)) + mse(model(known[:, :1], known[:, 1:]), u_known)

    losses = []
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[10], gamma=0.5)
    for epoch in range(epochs):
        for (points,) in loader:
            optimizer.zero_grad()
            loss = objective(points)
            loss.backward()
            optimizer.step()
        scheduler.step()
        losses.append(objective(inside).item())
        if epoch % 5 == 0:
            print(f"Epoch {epoch}, Loss: {losses[-1]:.3e}")

    refiner = torch.optim.LBFGS(model.parameters(), lr=1.0, max_iter=lbfgs_steps, line_search_fn="strong_wolfe")

    def closure():
        refiner.zero_grad()
        loss = objective(inside)
        loss.backward()
        return loss

    refiner.step(closure)
    losses.append(objective(inside).item())

    x, t = torch.meshgrid(torch.linspace(0, 1, 9), torch.linspace(0, 1, 5), indexing="ij")
    with torch.no_grad():
        u = model(x.reshape(-1, 1).to(device), t.reshape(-1, 1).to(device)).reshape(x.shape).cpu()
    exact = torch.exp(-DIFFUSIVITY * torch.pi**2 * t) * torch.sin(torch.pi * x)
    print(f"loss {losses[-1]:.3e}, relative error {torch.linalg.norm(u - exact) / torch.linalg.norm(exact):.3f}")
    return losses, u.numpy()


if __name__ == "__main__":
    main()
