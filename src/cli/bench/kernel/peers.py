"""OpenVINO and PyTorch on one thread. Reads one request a line (JSON), answers with the CPU time of one run in milliseconds.

OpenVINO picks bf16 by itself where the processor has it, so the precision is always stated. Sequences of one batch are
padded by whoever asks.
"""
import json
import sys
import time

import numpy

INPUTS = 128
made = {}
engines, versions = [], []
try:
    import openvino
    from openvino import opset8
    engines += ["openvino-f32", "openvino-bf16"]
    versions.append("openvino " + openvino.__version__)
except Exception:  # not installed, or does not load
    pass
try:
    import torch
    torch.set_num_threads(1)
    engines += ["torch-f32", "torch-bf16"]
    versions.append("torch " + torch.__version__)
except Exception:  # not installed, or does not load
    pass


def with_openvino(precision, cell, hidden, lanes, steps):
    rng = numpy.random.default_rng(0)
    draw = lambda *shape: ((rng.random(shape, dtype=numpy.float32) - 0.5) * 0.1)
    gates = 4 if cell == "lstm" else 3
    x = opset8.parameter([lanes, steps, INPUTS], numpy.float32)
    state = opset8.constant(numpy.zeros((lanes, 1, hidden), numpy.float32))
    lengths = opset8.constant(numpy.full(lanes, steps, numpy.int32))
    w, r = draw(1, gates * hidden, INPUTS), draw(1, gates * hidden, hidden)
    if cell == "lstm":
        node = opset8.lstm_sequence(x, state, state, lengths, w, r, draw(1, 4 * hidden), hidden, "forward")
    else:
        node = opset8.gru_sequence(x, state, lengths, w, r, draw(1, 4 * hidden), hidden, "forward", linear_before_reset=True)
    model = openvino.Model([node.output(1)], [x], "layer")
    compiled = openvino.Core().compile_model(model, "CPU", {
        "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision, "ENABLE_CPU_PINNING": False, "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(draw(lanes, steps, INPUTS)))
    return request.infer


def with_torch(precision, cell, hidden, lanes, steps):
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    network = (torch.nn.LSTM if cell == "lstm" else torch.nn.GRU)(INPUTS, hidden).eval().to(kind)
    x = torch.randn(steps, lanes, INPUTS).to(kind)

    def run():
        with torch.inference_mode():
            network(x)
    return run


def answer(request):
    key = tuple(request[name] for name in ("engine", "cell", "hidden", "lanes", "steps"))
    if key not in made:
        for other in [other for other in made if other[1:3] != key[1:3]]:
            del made[other]
        library, precision = request["engine"].split("-")
        made[key] = (with_openvino if library == "openvino" else with_torch)(precision, *key[1:])
        made[key]()
    began = time.process_time()
    made[key]()
    return {"ms": 1000 * (time.process_time() - began)}


print(json.dumps({"engines": engines, "versions": ", ".join(versions)}), flush=True)
for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))), flush=True)
    except Exception as error:  # whoever asked ends the bench with it
        print(json.dumps({"error": str(error)}), flush=True)
