"""Writes recordings of routing as serving and training systems do, without epsim's code: what the
tests of importers read."""

import base64
import io
import json
import pickle
import struct
import sys
import types
import zipfile
import zlib

import numpy as np

STORAGE = {"i1": "CharStorage", "u1": "ByteStorage", "i2": "ShortStorage", "i4": "IntStorage",
           "i8": "LongStorage", "f2": "HalfStorage", "f4": "FloatStorage", "f8": "DoubleStorage"}


class Stored:
    """Stands for a tensor's storage, which torch.save writes beside the pickle."""

    def __init__(self, array):
        self.array = array


class Tensor:
    def __init__(self, array):
        self.array = np.ascontiguousarray(array)

    def __reduce__(self):
        strides = tuple(s // self.array.itemsize for s in self.array.strides)
        return (sys.modules["torch._utils"]._rebuild_tensor_v2,
                (Stored(self.array), 0, self.array.shape, strides, False, {}))


def fake_torch():
    """Modules of torch's names, so that pickles ask for torch's."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in STORAGE.values():
        setattr(torch, name, type(name, (), {"__module__": "torch", "__qualname__": name}))

    def _rebuild_tensor_v2(*_):
        raise NotImplementedError
    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    torch._utils = utils
    sys.modules.update({"torch": torch, "torch._utils": utils})


def save_torch(path, value, protocol=2):
    """torch.save(value, path); arrays become tensors."""
    fake_torch()
    storages = []

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            if not isinstance(obj, Stored):
                return None
            storages.append(obj.array)
            kind = getattr(sys.modules["torch"], STORAGE[obj.array.dtype.str[1:]])
            return ("storage", kind, str(len(storages) - 1), "cpu", obj.array.size)

        def reducer_override(self, obj):
            if isinstance(obj, np.ndarray):
                return Tensor(obj).__reduce__()
            return NotImplemented

    text = io.BytesIO()
    Pickler(text, protocol=protocol).dump(value)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", text.getvalue())
        file.writestr("archive/byteorder", "little")
        for i, array in enumerate(storages):
            file.writestr(f"archive/data/{i}", array.tobytes())
        file.writestr("archive/version", "3\n")
    for name in ("torch", "torch._utils"):
        del sys.modules[name]


def save_safetensors(path, tensors):
    names = {"u1": "U8", "i4": "I32", "i8": "I64", "f2": "F16", "f4": "F32"}
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": names[array.dtype.str[1:]], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def load_safetensors(path):
    types_ = {"I64": "<i8", "I32": "<i4"}
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + length])
    return {name: np.frombuffer(raw[8 + length:][slice(*t["data_offsets"])],
                                types_[t["dtype"]]).reshape(t["shape"])
            for name, t in header.items()}


def base64_npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return base64.b64encode(file.getvalue()).decode()


def save_calibration(path, ranks, num_slots):
    """ranks: [{iteration: {layer: ids [tokens, k]}}]"""
    records = [[{"iteration": iteration,
                 "metadata": [{"layer_idx": layer, "num_slots": num_slots,
                               "token_selected_slots_shape": list(ids.shape)}
                              for layer, ids in layers.items()],
                 "raw_data": base64.b64encode(zlib.compress(b"".join(
                     ids.astype("<i4").tobytes() for ids in layers.values()))).decode()}
                for iteration, layers in rank.items()] for rank in ranks]
    path.write_text(json.dumps({"world_size": len(ranks), "all_ranks_records": records}))


def save_lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
