"""Makes the golden files of this folder: each cell by TensorFlow (Keras) and by onnxruntime on the same weights.

    python3.11 -m venv venv && venv/bin/pip install tensorflow-cpu==2.13.1 onnxruntime onnx && venv/bin/python test/golden/make.py

The weights are written as espalier has them (src/model/shape.ts), which is Keras' order: kernel rows of the inputs, then
of the state, gates i f g o / z r n. ONNX wants i o f c / z r h, transposed.
"""
import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
from onnx import helper, numpy_helper

HERE = pathlib.Path(__file__).parent
INPUTS, STEPS = 3, (1, 4, 9)
GATES = {"lstm": 4, "gru": 3, "gru-before": 3, "rnn-tanh": 1, "rnn-relu": 1}
BOUND = 1e-5


def weights_of(random, cell, inputs, units):
    draw = lambda *shape: random.uniform(-0.7, 0.7, shape).astype(np.float32)
    columns = GATES[cell] * units
    return {"w": draw(inputs, columns), "u": draw(units, columns), "b": draw(columns), "rb": draw(columns) if cell == "gru" else None}


def keras_layer(cell, units, backwards):
    options = dict(return_sequences=True, return_state=True, go_backwards=backwards)
    if cell == "lstm":
        return tf.keras.layers.LSTM(units, **options)
    if cell.startswith("gru"):
        return tf.keras.layers.GRU(units, reset_after=cell == "gru", **options)
    return tf.keras.layers.SimpleRNN(units, activation=cell.removeprefix("rnn-"), **options)


def by_tensorflow(cell, layers, x):
    """States of all layers and directions after the last step: lists of h and c, each [units]."""
    hs, cs = [], []
    for directions in layers:
        outputs = []
        for backwards, weights in enumerate(directions):
            units = weights["u"].shape[0]
            layer = keras_layer(cell, units, backwards == 1)
            layer.build((None, None, x.shape[2]))
            bias = weights["b"] if weights["rb"] is None else np.stack([weights["b"], weights["rb"]])
            layer.set_weights([weights["w"], weights["u"], bias])
            said, *state = layer(x)
            outputs.append(said.numpy()[:, ::-1] if backwards else said.numpy())
            hs.append(state[0].numpy()[0])
            if cell == "lstm":
                cs.append(state[1].numpy()[0])
        x = np.concatenate(outputs, axis=2)
    return hs, cs


ORDER = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2), "gru-before": (0, 1, 2), "rnn-tanh": (0,), "rnn-relu": (0,)}


def onnx_matrix(cell, matrix):
    """[rows, G · units] in our order to [G · units, rows] in ONNX's."""
    gates = np.split(matrix, GATES[cell], axis=1)
    return np.concatenate([gates[gate] for gate in ORDER[cell]], axis=1).T


def by_onnxruntime(cell, layers, x):
    x, hs, cs = x.transpose(1, 0, 2), [], []
    for directions in layers:
        units = directions[0]["u"].shape[0]
        stack = lambda of: np.stack([of(weights) for weights in directions]).astype(np.float32)
        bias = lambda values: np.zeros(GATES[cell] * units, np.float32) if values is None else onnx_matrix(cell, values[None])[:, 0]
        tensors = {
            "W": stack(lambda l: onnx_matrix(cell, l["w"])), "R": stack(lambda l: onnx_matrix(cell, l["u"])),
            "B": stack(lambda l: np.concatenate([bias(l["b"]), bias(l["rb"])])),
        }
        attributes = {"hidden_size": units, "direction": "bidirectional" if len(directions) == 2 else "forward"}
        if cell.startswith("gru"):
            attributes["linear_before_reset"] = int(cell == "gru")
        if cell.startswith("rnn"):
            attributes["activations"] = [{"rnn-tanh": "Tanh", "rnn-relu": "Relu"}[cell]] * len(directions)
        names = ["Y", "Y_h"] + (["Y_c"] if cell == "lstm" else [])
        node = helper.make_node({"l": "LSTM", "g": "GRU", "r": "RNN"}[cell[0]], ["X", "W", "R", "B"], names, **attributes)
        value = lambda name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        graph = helper.make_graph([node], "layer", [helper.make_tensor_value_info("X", onnx.TensorProto.FLOAT, [None, 1, x.shape[2]])],
                                  [value(name) for name in names], [numpy_helper.from_array(tensor, name) for name, tensor in tensors.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        said = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"X": x})
        hs += [said[1][direction, 0] for direction in range(len(directions))]
        if cell == "lstm":
            cs += [said[2][direction, 0] for direction in range(len(directions))]
        x = said[0].transpose(0, 2, 1, 3).reshape(x.shape[0], 1, -1)
    return hs, cs


def flat(parts):
    return [float(value) for part in parts for value in part]


def make(cell, units, bidirectional, seed):
    random = np.random.default_rng(seed)
    layers, inputs = [], INPUTS
    for width in units:
        layers.append([weights_of(random, cell, inputs, width) for _ in range(2 if bidirectional else 1)])
        inputs = width * len(layers[-1])
    sequences = []
    for steps in STEPS:
        frames = random.uniform(-2, 2, (1, steps, INPUTS)).astype(np.float32)
        entry = {"frames": flat(frames[0])}
        for name, run in (("tensorflow", by_tensorflow), ("onnxruntime", by_onnxruntime)):
            hs, cs = run(cell, layers, frames)
            entry[name] = {"h": flat(hs), "c": flat(cs)}
        for part in "hc":
            apart = np.abs(np.subtract(entry["tensorflow"][part], entry["onnxruntime"][part]))
            assert apart.size == 0 or apart.max() < BOUND, (cell, units, part, apart.max())
        sequences.append(entry)
    written = [{"kernel": flat(np.concatenate([l["w"], l["u"]])), "bias": flat([l["b"]]), **({} if l["rb"] is None else {"recurrentBias": flat([l["rb"]])})} for directions in layers for l in directions]
    made_by = {"tensorflow": tf.__version__, "onnxruntime": onnxruntime.__version__}
    form = {"cell": cell, "inputs": INPUTS, "layers": units, "bidirectional": bidirectional}
    name = f"{cell}-{'both-' if bidirectional else ''}{'-'.join(map(str, units))}.json"
    (HERE / name).write_text(json.dumps({"madeBy": made_by, **form, "weights": written, "sequences": sequences}, separators=(",", ":")) + "\n")
    print(name)


for at, cell in enumerate(GATES):
    make(cell, [5], False, 10 * at)
    make(cell, [4, 6], False, 10 * at + 1)
    make(cell, [3, 4], True, 10 * at + 2)
