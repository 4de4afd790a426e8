"""Layers, one idea per file, written as in the paper."""

from kissipo.process.layers.gru import GRU
from kissipo.process.layers.lstm import LSTM
from kissipo.process.layers.rnn import RNN

__all__ = ["GRU", "LSTM", "RNN"]
