#!/usr/bin/env python3
"""Training step of pre-activation ResNet-20 in PyTorch: float, and a plain port of LQ-Nets 2/2.

The peer of `lqnet bench train`; bench/train_vs_pytorch.sh runs both in turn. Needs PyTorch
(Debian: python3-torch). Prints one JSON object with milliseconds per step of 128 CIFAR-sized
images: the minimum over the steps after the first.
"""
import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional as F

BITS = 2
BATCH = 128


def code_table(bits, zero):
    return torch.tensor([[1.0 if (code >> j) & 1 else zero for j in range(bits)]
                         for code in range(2**bits)])


class QuantActivation(nn.Module):
    """Learned levels of a layer's activations; codes {0,1}."""

    def __init__(self):
        super().__init__()
        first = 2 * 0.6745 / (2**BITS - 1)
        self.register_buffer("basis", torch.tensor([first * 2.0**j for j in range(BITS)]))
        self.register_buffer("codes", code_table(BITS, 0.0))

    def forward(self, x):
        with torch.no_grad():
            levels, order = torch.sort(self.codes @ self.basis)
            thresholds = (levels[1:] + levels[:-1]) / 2
            flat = x.reshape(-1)
            y = torch.zeros_like(flat)
            bits = torch.zeros(flat.numel(), BITS)
            for i, threshold in enumerate(thresholds):
                above = flat > threshold
                y = torch.where(above, levels[i + 1], y)
                bits = torch.where(above[:, None], self.codes[order[i + 1]][None, :], bits)
            gram = bits.t() @ bits + 1e-4 * torch.eye(BITS)
            right = bits.t() @ flat + 1e-4 * self.basis
            self.basis.mul_(0.9).add_(0.1 * torch.linalg.solve(gram, right))
            y = y.reshape(x.shape)
        clipped = torch.minimum(x, levels[-1])
        return clipped + (y - clipped).detach()


class QuantConv(nn.Conv2d):
    """Convolution with learned levels per output channel; codes {-1,+1}."""

    def __init__(self, c_in, c_out, stride):
        super().__init__(c_in, c_out, 3, stride, 1, bias=False)
        first = 0.6745 * (2 / (9 * c_out))**0.5 / 2**(BITS - 1)
        self.register_buffer("basis", torch.tensor([[first * 2.0**j] * c_out
                                                    for j in range(BITS)]))
        self.register_buffer("codes", code_table(BITS, -1.0))

    def forward(self, x):
        with torch.no_grad():
            levels, order = torch.sort(self.codes @ self.basis, 0)
            thresholds = (levels[1:] + levels[:-1]) / 2
            flat = self.weight.reshape(self.weight.shape[0], -1).t()
            index = (flat[None] > thresholds[:, None, :]).sum(0)
            y = torch.gather(levels, 0, index)
            bits = self.codes[torch.gather(order, 0, index)]
            gram = torch.einsum("foi,foj->oij", bits, bits) + 1e-4 * torch.eye(BITS)
            right = torch.einsum("foi,fo->oi", bits, flat) + 1e-4 * self.basis.t()
            self.basis.mul_(0.9).add_(0.1 * torch.linalg.solve(gram, right).t())
            quantized = y.t().reshape(self.weight.shape)
        weight = self.weight + (quantized - self.weight).detach()
        return F.conv2d(x, weight, None, self.stride, self.padding)


class Block(nn.Module):

    def __init__(self, c_in, c_out, first, quantized):
        super().__init__()
        stride = 1 if c_in == c_out else 2
        self.widen = c_out - c_in
        self.bn1 = None if first else nn.BatchNorm2d(c_in)
        self.quant1 = QuantActivation() if quantized else nn.Identity()
        self.conv1 = self.conv(c_in, c_out, stride, quantized)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.quant2 = QuantActivation() if quantized else nn.Identity()
        self.conv2 = self.conv(c_out, c_out, 1, quantized)

    @staticmethod
    def conv(c_in, c_out, stride, quantized):
        if quantized:
            return QuantConv(c_in, c_out, stride)
        return nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)

    def forward(self, x):
        branch = x if self.bn1 is None else F.relu(self.bn1(x))
        branch = self.conv1(self.quant1(branch))
        branch = self.conv2(self.quant2(F.relu(self.bn2(branch))))
        if self.widen:
            x = F.pad(F.avg_pool2d(x, 2), (0, 0, 0, 0, self.widen // 2, self.widen // 2))
        return x + branch


def resnet20(quantized):
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    channels = 16
    for stage in range(3):
        for block in range(3):
            out = 16 << stage
            layers.append(Block(channels, out, stage == 0 and block == 0, quantized))
            channels = out
    layers += [nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
               nn.Linear(64, 10)]
    return nn.Sequential(*layers)


def step_milliseconds(quantized, channels_last, steps):
    net = resnet20(quantized).train()
    images = torch.randn(BATCH, 3, 32, 32)
    labels = torch.randint(0, 10, (BATCH,))
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    times = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return 1000 * min(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    print(json.dumps({
        "pytorch": torch.__version__,
        "float_nchw_ms": step_milliseconds(False, False, arguments.steps),
        "float_nhwc_ms": step_milliseconds(False, True, arguments.steps),
        "lq22_ms": step_milliseconds(True, False, arguments.steps),
    }))


if __name__ == "__main__":
    main()
