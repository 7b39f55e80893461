"""Text, tokenizer, model and training behind record_tiny_moe.py.

A decoder-only transformer whose feed-forward layers are small mixtures of experts, trained for a
few minutes on text that Debian packages ship. Nothing here is needed to build or run epsim.
"""

import collections
import gzip
import hashlib
import re
import subprocess
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

# domain: (packages, path pattern)
DOMAINS = {
    "c": (["linux-libc-dev", "libc6-dev"], r"/usr/include/.*\.h$"),
    "c++": (["libstdc++-12-dev"], r"/usr/include/c\+\+/12/.*(\.h|\.tcc|/[a-z_]+)$"),
    "english": (["vim-runtime", "git"], r"/(doc|RelNotes)/.*\.txt(\.gz)?$"),
    "man": (["manpages", "manpages-dev", "git-man"], r"/usr/share/man/man\d/.*\.gz$"),
    "perl": (["perl-modules-5.36"], r"\.(pm|pod)$"),
    "python": (["libpython3.11-stdlib", "libpython3.11-minimal"], r"\.py$"),
}
CHARS_PER_FILE = 12_000
CHARS_PER_DOMAIN = 1_500_000
HELD_OUT_EVERY = 8
MIN_PARAGRAPH = 80
CONTEXT = 256
BATCH = 8
BALANCE = 0.01


class MissingText(RuntimeError):
    """A package of DOMAINS is not installed, or holds no text."""


def package_version(package):
    """Installed version of a Debian package."""
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package]
    status, _, version = subprocess.run(query, capture_output=True, text=True).stdout.partition(" ")
    if status != "installed":
        raise MissingText(f"package {package} is not installed (the model trains on its files). "
                          f"Run apt-get install {package}")
    return version


def package_files(packages, pattern):
    """Regular files of the packages whose path matches, ordered by the hash of their path."""
    listing = subprocess.run(["dpkg", "-L", *packages], capture_output=True, text=True).stdout
    paths = {p for p in listing.split("\n") if re.search(pattern, p)}
    paths = [p for p in paths if Path(p).is_file() and not Path(p).is_symlink()]
    return sorted(paths, key=lambda p: hashlib.sha256(p.encode()).hexdigest())


def read_ascii(path):
    """The first CHARS_PER_FILE printable ASCII characters of a file, gzipped or not."""
    data = Path(path).read_bytes()
    text = (gzip.decompress(data) if path.endswith(".gz") else data).decode("utf-8", "ignore")
    return re.sub(r"[^\t\n -~]", "", text)[:CHARS_PER_FILE]


def without_repeats(text, seen):
    """Drop the long paragraphs that an earlier file had (licence headers, generated tables)."""
    kept = []
    for paragraph in re.split(r"\n\s*\n", text):
        if len(paragraph) >= MIN_PARAGRAPH:
            if paragraph in seen:
                continue
            seen.add(paragraph)
        kept.append(paragraph)
    return "\n\n".join(kept)


def load_text():
    """Text by domain, split by file.

    Returns ({domain: [training text]}, {domain: [held-out text]}, "package version, ...").
    No paragraph of MIN_PARAGRAPH characters or more is in both.
    """
    train, held_out, seen, versions = {}, {}, set(), []
    for domain, (packages, pattern) in DOMAINS.items():
        versions += [f"{p} {package_version(p)}" for p in packages]
        texts, size = [], 0
        for path in package_files(packages, pattern):
            text = without_repeats(read_ascii(path), seen)
            if len(text) < 1000:
                continue
            texts.append(text)
            size += len(text)
            if size > CHARS_PER_DOMAIN:
                break
        held_out[domain] = texts[::HELD_OUT_EVERY]
        train[domain] = [t for i, t in enumerate(texts) if i % HELD_OUT_EVERY]
        if not train[domain]:
            raise MissingText(f"no text in {', '.join(packages)} (documentation was not unpacked). "
                              f"Reinstall without a dpkg path-exclude")
    return train, held_out, ", ".join(versions)


class Tokenizer:
    """Greedy longest match over frequent word beginnings, short word parts and characters."""

    PIECE = re.compile(r" ?[A-Za-z]+|\d|\n+|\t+| +|[^A-Za-z\d\s]")

    def __init__(self, texts, size):
        words = collections.Counter()
        for text in texts:
            words.update(self.PIECE.findall(text))
        score = collections.Counter()
        for word, count in words.items():
            for n in range(2, min(len(word), 8) + 1):
                score[word[:n]] += count * n * (2 if n == len(word) else 1)
            for i in range(1, len(word)):
                for n in range(2, min(len(word) - i, 5) + 1):
                    score[word[i:i + n]] += 0.3 * count * n
        characters = ["\t", "\n"] + [chr(c) for c in range(32, 127)]
        frequent = sorted(score, key=lambda piece: (-score[piece], piece))
        vocabulary = characters + frequent[:size - len(characters)]
        self.index = {piece: i for i, piece in enumerate(vocabulary)}
        self.longest = max(map(len, vocabulary))
        self.cache = {}

    def encode(self, text):
        ids = []
        for word in self.PIECE.findall(text):
            if word not in self.cache:
                self.cache[word] = self._split(word)
            ids += self.cache[word]
        return ids

    def _split(self, word):
        ids, i = [], 0
        while i < len(word):
            n = next(n for n in range(self.longest, 0, -1) if word[i:i + n] in self.index)
            ids.append(self.index[word[i:i + n]])
            i += n
        return ids


def gate_top_k(gate, x, k):
    """Softmax over the experts, the k largest, renormalised to sum 1.

    x [n, d]. Returns probabilities [n, experts], weights [n, k] descending, ids [n, k].
    """
    probability = gate(x).softmax(-1)
    weight, expert = probability.topk(k, -1)
    return probability, weight / weight.sum(-1, keepdim=True), expert


class MoeLayer(nn.Module):
    """Top-k mixture of plain GELU experts, without capacity limit."""

    def __init__(self, hidden, inner, experts, top_k):
        super().__init__()
        self.experts, self.top_k = experts, top_k
        self.gate = nn.Linear(hidden, experts, bias=False)
        self.up = nn.Parameter(torch.randn(experts, hidden, inner) * hidden ** -0.5)
        self.down = nn.Parameter(torch.randn(experts, inner, hidden) * 0.5 * inner ** -0.5)

    def forward(self, x):
        probability, weight, expert = gate_top_k(self.gate, x, self.top_k)
        flat = expert.reshape(-1)
        count = torch.bincount(flat, minlength=self.experts)
        # Balance loss E sum_e f_e P_e of the Switch Transformer (Fedus et al. 2021, equation 4),
        # with f over the top-k assignments.
        self.balance_loss = self.experts * (count / flat.numel() * probability.mean(0)).sum()
        order = flat.argsort(stable=True)
        token = order // self.top_k
        rows = x[token].split(count.tolist())
        out = torch.cat([F.gelu(r @ self.up[e]) @ self.down[e] for e, r in enumerate(rows)])
        out = out * weight.reshape(-1)[order].unsqueeze(-1)
        return torch.zeros_like(x).index_add(0, token, out)


class Block(nn.Module):
    def __init__(self, hidden, heads, inner, experts, top_k):
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_moe = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.out = nn.Linear(hidden, hidden, bias=False)
        self.moe = MoeLayer(hidden, inner, experts, top_k)

    def forward(self, x, mask):
        b, t, d = x.shape
        qkv = self.qkv(self.norm_attention(x)).view(b, t, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attention = (q * (d // self.heads) ** -0.5 @ k.transpose(-1, -2) + mask).softmax(-1)
        x = x + self.out((attention @ v).transpose(1, 2).reshape(b, t, d))
        return x + self.moe(self.norm_moe(x).reshape(-1, d)).view(b, t, d)


class LanguageModel(nn.Module):
    """Learned positions, tied embedding."""

    def __init__(self, vocabulary, layers=4, hidden=128, heads=4, inner=256, experts=16, top_k=2):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.position = nn.Embedding(CONTEXT, hidden)
        nn.init.normal_(self.embedding.weight, std=0.02)
        nn.init.normal_(self.position.weight, std=0.02)
        self.blocks = nn.ModuleList(
            Block(hidden, heads, inner, experts, top_k) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.register_buffer("mask", torch.full((CONTEXT, CONTEXT), -1e9).triu(1))

    def forward(self, tokens):
        """tokens [b, t], t <= CONTEXT. Returns logits [b, t, vocabulary]."""
        t = tokens.shape[1]
        x = self.embedding(tokens) + self.position.weight[:t]
        for block in self.blocks:
            x = block(x, self.mask[:t, :t])
        return self.norm(x) @ self.embedding.weight.t()

    def gates(self):
        return [block.moe.gate for block in self.blocks]


def cross_entropy(logits, target, **kwargs):
    """Mean, over the targets, of -log p(target), in nats."""
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1), **kwargs)


def train(model, streams, generator, seconds, steps=None, peak=2e-3):
    """Train on random windows, every domain equally often. Returns the number of steps.

    streams: one int64 [n] tensor a domain. Without `steps`, their number is set from the pace of
    the warm-up so that training takes about `seconds`; given that number as `steps`, the same
    model comes out again.
    """
    warmup = 60 if steps is None else min(60, steps)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    begin, step = time.monotonic(), 0
    while steps is None or step < steps:
        rate = min(1, (step + 1) / warmup)
        if step >= warmup:
            rate = max(0.03, 1 - (step - warmup) / (steps - warmup))
        for group in optimizer.param_groups:
            group["lr"] = peak * rate
        windows = []
        for b in range(BATCH):
            stream = streams[(step * BATCH + b) % len(streams)]
            start = torch.randint(len(stream) - CONTEXT, (1,), generator=generator).item()
            windows.append(stream[start:start + CONTEXT + 1])
        tokens = torch.stack(windows)
        loss = cross_entropy(model(tokens[:, :-1]), tokens[:, 1:])
        auxiliary = sum(block.moe.balance_loss for block in model.blocks) / len(model.blocks)
        optimizer.zero_grad(set_to_none=True)
        (loss + BALANCE * auxiliary).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        elapsed = time.monotonic() - begin
        if steps is None and step == warmup:
            steps = max(warmup + 1, round(warmup * seconds / elapsed))
        if step % 100 == 0 or step == steps:
            print(f"step {step}/{steps or '?'} {elapsed:.0f} s: loss {loss.item():.3f} nats/token, "
                  f"balance loss {auxiliary.item():.3f}", flush=True)
    return step


@torch.no_grad()
def record(model, sequences, gates=None, batch=16):
    """Route the sequences; `gates` (one a layer, default the model's own) see the hidden vectors of
    `model` whether or not the model routes by them.

    sequences: list of int64 [n <= CONTEXT]. Returns ids [L, T, k] and weights [L, T, k], tokens in
    the order of the sequences, and the model's loss (nats per predicted token).
    """
    gates = gates or model.gates()
    inputs = [None] * len(gates)
    hooks = [block.moe.register_forward_pre_hook(
        lambda _, args, layer=layer: inputs.__setitem__(layer, args[0]))
        for layer, block in enumerate(model.blocks)]
    ids, weights, loss, predicted = [], [], 0.0, 0
    for i in range(0, len(sequences), batch):
        padded = nn.utils.rnn.pad_sequence(sequences[i:i + batch], batch_first=True,
                                           padding_value=-1)
        real = (padded >= 0).reshape(-1)
        target = padded[:, 1:]
        logits = model(padded.clamp(min=0))[:, :-1]
        loss += cross_entropy(logits, target, ignore_index=-1, reduction="sum").item()
        predicted += int((target >= 0).sum())
        routed = [gate_top_k(gate, x[real], block.moe.top_k)
                  for gate, x, block in zip(gates, inputs, model.blocks)]
        weights.append(torch.stack([weight for _, weight, _ in routed]))
        ids.append(torch.stack([expert for _, _, expert in routed]))
    for hook in hooks:
        hook.remove()
    return torch.cat(ids, 1).numpy(), torch.cat(weights, 1).numpy(), loss / predicted
