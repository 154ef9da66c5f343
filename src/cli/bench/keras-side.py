"""The other side of `espalier bench train`: the same network in Keras, one training step a compiled graph, one thread.

Says {"tensorflow": version}, then reads one JSON object a line from stdin and answers each with one on stdout:
  {"open": {cell, units, inputs, vocabulary, outputs, learningRate, normMax, batches: [{steps, lanes, ids, labels, lengths}]}}
      -> {"parameters"}
  {"run": true} -> {"tokens", "seconds", "cpuSeconds"}: once through all batches
"""
import json
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import tensorflow as tf  # noqa: E402  (the variables above are read when it is loaded)

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

LAYERS = {
    "lstm": lambda units: tf.keras.layers.LSTM(units, return_sequences=True),
    "gru": lambda units: tf.keras.layers.GRU(units, reset_after=True, return_sequences=True),
    "gru-before": lambda units: tf.keras.layers.GRU(units, reset_after=False, return_sequences=True),
    "rnn-tanh": lambda units: tf.keras.layers.SimpleRNN(units, activation="tanh", return_sequences=True),
    "rnn-relu": lambda units: tf.keras.layers.SimpleRNN(units, activation="relu", return_sequences=True),
}


def opened(job):
    """The network, its compiled step, and the batches as tensors. As ours, it runs over the padding without a mask and
    answers from the last real step of each lane."""
    ids = tf.keras.Input([None], dtype=tf.int32)
    last = tf.keras.Input([], dtype=tf.int32)
    hidden = LAYERS[job["cell"]](job["units"])(tf.keras.layers.Embedding(job["vocabulary"], job["inputs"])(ids))
    answered = tf.keras.layers.Lambda(lambda pair: tf.gather(pair[0], pair[1], batch_dims=1))([hidden, last])
    model = tf.keras.Model([ids, last], tf.keras.layers.Dense(job["outputs"])(answered))
    optimizer = tf.keras.optimizers.Adam(job["learningRate"], epsilon=1e-8, global_clipnorm=job["normMax"])
    model.compile(optimizer, tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.int32)])
    def step(ids, last, labels):
        return model.train_step(([ids, last], labels))["loss"]

    batches = [
        (
            tf.constant([batch["ids"][lane :: batch["lanes"]] for lane in range(batch["lanes"])], tf.int32),
            tf.constant([length - 1 for length in batch["lengths"]], tf.int32),
            tf.constant(batch["labels"], tf.int32),
        )
        for batch in job["batches"]
    ]
    tokens = sum(sum(batch["lengths"]) for batch in job["batches"])
    return model, step, batches, tokens


def run(step, batches, tokens):
    began, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        float(step(*batch))
    return {"tokens": tokens, "seconds": time.perf_counter() - began, "cpuSeconds": time.process_time() - cpu}


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    say({"tensorflow": tf.__version__})
    step = batches = tokens = None
    for line in sys.stdin:
        message = json.loads(line)
        if "open" in message:
            tf.keras.backend.clear_session()
            model, step, batches, tokens = opened(message["open"])
            answer = {"parameters": model.count_params()}
        else:
            answer = run(step, batches, tokens)
        say(answer)


main()
