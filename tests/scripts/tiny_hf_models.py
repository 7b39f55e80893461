"""Makes tiny MoE models of transformers with random weights, and says how they route a text, from
the library's own output_router_logits: run by test_record_hf.py in a Python that has torch.

    tiny_hf_models.py KIND DIRECTORY     DIRECTORY/model, and expected.npz: see expect()
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = "a bee carries dust every fine girl has in june keep low many noon old pals quit".split()
COMMON = dict(vocab_size=len(WORDS) + 1, hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
              num_key_value_heads=2, intermediate_size=24, max_position_embeddings=64)
ROUTED = dict(num_experts=6, num_experts_per_tok=3, moe_intermediate_size=8)
KINDS = {
    "mixtral": lambda: transformers.MixtralConfig(**COMMON, num_local_experts=5,
                                                  num_experts_per_tok=2),
    "qwen2-moe": lambda: transformers.Qwen2MoeConfig(
        **COMMON, **ROUTED, shared_expert_intermediate_size=8, mlp_only_layers=[1],
        norm_topk_prob=False),
    "qwen3-moe": lambda: transformers.Qwen3MoeConfig(**COMMON, **ROUTED, head_dim=8,
                                                     norm_topk_prob=True),
    "ernie": lambda: transformers.Ernie4_5_MoeConfig(
        **COMMON, moe_num_experts=6, moe_k=3, moe_intermediate_size=8, moe_layer_start_index=0,
        moe_num_shared_experts=0),
    "dense": lambda: transformers.LlamaConfig(**COMMON),
}
# Which layers have experts; whether a token's weights are made to sum to 1.
FACTS = {"mixtral": ([0, 1, 2], True), "qwen2-moe": ([0, 2], False), "qwen3-moe": ([0, 1, 2], True)}
SEQUENCE = 7


def make_tokenizer(directory):
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(["?", *WORDS])}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=words,
                                         unk_token="?").save_pretrained(directory)


def expect(model, kind, directory):
    """expected.npz: logits [layer, token, expert] of sequences of SEQUENCE tokens; layers;
    renormalised."""
    text = (directory / "text.txt").read_text().split()
    ids = [WORDS.index(w) + 1 for w in text]
    logits = []
    with torch.inference_mode():
        for i in range(0, len(ids), SEQUENCE):
            out = model(input_ids=torch.tensor([ids[i:i + SEQUENCE]]), output_router_logits=True)
            logits.append(torch.stack([layer.float() for layer in out.router_logits]).numpy())
    layers, renormalised = FACTS[kind]
    np.savez(directory / "expected.npz", logits=np.concatenate(logits, 1), layers=layers,
             renormalised=renormalised)


def main(kind, directory):
    torch.manual_seed(3)
    model = transformers.AutoModelForCausalLM.from_config(KINDS[kind]()).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.endswith(("gate.weight", "e_score_correction_bias")):
                weights.normal_()  # choices that are far from ties, and a bias that decides some
    model.save_pretrained(directory / "model")
    make_tokenizer(directory / "model")
    if kind in FACTS:
        expect(model, kind, directory)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
