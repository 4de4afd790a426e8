"""How many environment steps per second does DQN take (S42)? kissipo beside torch.

Question   CartPole-v1, a net 4-128-128-2, one update of 128 replayed steps for every
           two environment steps: how many environment steps and updates per second
           of processor time?
Peers      `kissipo fit cartpole` without its greedy tests; the usual single-file DQN in
           torch (one environment, an action per step, an update every second step)
           with the same net, double targets, Huber loss, Adam, clipping and copies.
           Both store steps in arrays made beforehand.
Method     one process, one thread, the peers interleaved. Each trains for some steps
           per round, and the first round does not count. The table shows medians of
           processor time, so that other load on the machine matters less.
Run        OMP_NUM_THREADS=1 python benchmarks/dqn.py [--steps 10000] [--rounds 5]
"""

from __future__ import annotations

import argparse
from statistics import median
from time import process_time

import gymnasium
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from kissipo.engine.rollouts.replay import ReplayLoop
from kissipo.pipeline.experiment import build_experiment
from kissipo.runs.load import load

BATCH, START, TARGET_EVERY = 128, 1_000, 256


def kissipo(steps: int, seed: int) -> int:
    """Trains for some steps; returns the number of updates."""
    words = {"process.steps": steps, "process.select_episodes": 0}
    experiment = build_experiment(load("cartpole", words=words), seed=seed)
    world, agent = experiment.pipeline.world, experiment.agent
    assert world is not None
    options, updates = experiment.config, 0
    run_updates = agent.run_updates

    def counted(*arguments: object, **named: object) -> object:
        nonlocal updates
        means = run_updates(*arguments, **named)
        updates += options.updates if means else 0
        return means

    agent.run_updates = counted
    ReplayLoop(world.make, experiment.net, agent, seed=seed).run()
    return updates


def single_file(steps: int, seed: int) -> int:
    """The same training in one file of torch."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    env = gymnasium.make("CartPole-v1")

    def build() -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(4, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2)
        )

    q_network, target_network = build(), build()
    target_network.load_state_dict(q_network.state_dict())
    optimizer = torch.optim.Adam(q_network.parameters(), lr=2.3e-3)
    size = 100_000
    states, next_states = np.zeros((2, size, 4), dtype=np.float32)
    actions = np.zeros(size, dtype=np.int64)
    rewards, dones = np.zeros((2, size), dtype=np.float32)
    updates = 0
    state, _ = env.reset(seed=seed)
    for step in range(steps):
        epsilon = max(0.04, 1 - 0.96 * step / (0.16 * steps))
        if rng.random() < epsilon:
            action = int(rng.integers(2))
        else:
            with torch.no_grad():
                action = int(q_network(torch.from_numpy(state)[None]).argmax(dim=1).item())
        next_state, reward, terminated, truncated, _ = env.step(action)
        states[step], next_states[step] = state, next_state
        actions[step], rewards[step], dones[step] = action, reward, terminated
        state = env.reset()[0] if terminated or truncated else next_state
        if step >= START and step % 2 == 0:
            index = rng.integers(step + 1, size=BATCH)
            following = torch.from_numpy(next_states[index])
            with torch.no_grad():
                best = q_network(following).argmax(dim=1, keepdim=True)
                value = target_network(following).gather(1, best).squeeze(1)
                done = torch.from_numpy(dones[index])
                goal = torch.from_numpy(rewards[index]) + 0.99 * value * (1 - done)
            taken = torch.from_numpy(actions[index])[:, None]
            value = q_network(torch.from_numpy(states[index])).gather(1, taken).squeeze(1)
            loss = functional.smooth_l1_loss(value, goal)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(q_network.parameters(), 10)
            optimizer.step()
            updates += 1
        if step % TARGET_EVERY == 0:
            target_network.load_state_dict(q_network.state_dict())
    return updates


PEERS = {"kissipo": kissipo, "torch, one file": single_file}


def main() -> None:
    """Prints one line per peer, and how their speeds compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seconds: dict[str, list[float]] = {peer: [] for peer in PEERS}
    updates = dict.fromkeys(PEERS, 0)
    for number in range(arguments.rounds + 1):
        for peer, train in PEERS.items():
            began = process_time()
            updates[peer] = train(arguments.steps, number)
            if number:
                seconds[peer].append(process_time() - began)
    print(f"{'peer':18}{'environment steps/s':>22}{'updates/s':>12}{'updates/step':>15}")
    for peer, times in seconds.items():
        took = median(times)
        print(
            f"{peer:18}{arguments.steps / took:22,.0f}{updates[peer] / took:12,.0f}"
            f"{updates[peer] / arguments.steps:15.3f}"
        )
    own, other = (median(times) for times in seconds.values())
    print(f"kissipo takes {other / own:.2f} times as many environment steps per second")


if __name__ == "__main__":
    main()
