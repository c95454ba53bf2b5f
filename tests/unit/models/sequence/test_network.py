import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2Model

from nextact.errors import NextactError
from nextact.models.device import seeded
from nextact.models.sequence.backbones import make_backbone
from nextact.models.sequence.data.step_log import StepLog
from nextact.models.sequence.network import NetworkSize, SequenceNetwork
from nextact.sequences.histories import Histories

from .conftest import options_of

N_ITEMS = 12


def network_of(**changes):
    settings = {"dimensions": 8, "layers": 2, "heads": 2, "max_steps": 6, **changes}
    with seeded(0):
        network = SequenceNetwork(options_of(**settings), NetworkSize(N_ITEMS, 2, {"encoder": 5}))
        network.text_projections()[0].fill(torch.randn(N_ITEMS + 1, 5).numpy())
        network.has_text_V[1:6] = True
        for weight in network.backbone.parameters():
            weight.data *= 10 if weight.ndim > 1 else 1  # fresh weights hardly let one step reach another
    return network.eval()


def windows(histories):
    log = StepLog(histories)
    return log.inputs(log.first_step[:-1], log.n_steps)


def states_of(network, histories):
    with torch.no_grad():
        return network.states(windows(histories), network.item_matrix())


ONE = Histories.from_lists([[1, 2, 3, 4, 5]], [[0, 1, 0, 1, 0]], [[0, 0, 1, 2, 3]])


@pytest.mark.parametrize("backbone", ["gpt2", "llama", "qwen2", "gpt_neox", "opt"])
def test_a_later_step_never_changes_an_earlier_state(backbone):
    network = network_of(backbone=backbone)
    changed = Histories.from_lists([[1, 2, 3, 9, 8]], [[0, 1, 0, 0, 1]], [[0, 0, 1, 2, 3]])
    before, after = states_of(network, ONE), states_of(network, changed)
    torch.testing.assert_close(before[:2], after[:2])
    assert not torch.allclose(before[2], after[2])


def test_an_earlier_step_changes_a_later_state():
    network = network_of()
    changed = Histories.from_lists([[9, 2, 3, 4, 5]], [[0, 1, 0, 1, 0]], [[0, 0, 1, 2, 3]])
    assert not torch.allclose(states_of(network, ONE)[-1], states_of(network, changed)[-1], atol=1e-5)


def test_the_order_of_steps_matters_and_the_order_within_a_basket_does_not():
    network = network_of()
    basket = Histories.from_lists([[2, 1, 3, 4, 5]], [[1, 0, 0, 1, 0]], [[0, 0, 1, 2, 3]])
    steps = Histories.from_lists([[1, 2, 4, 3, 5]], [[0, 1, 1, 0, 0]], [[0, 0, 1, 2, 3]])
    torch.testing.assert_close(states_of(network, basket), states_of(network, ONE))
    assert not torch.allclose(states_of(network, steps)[-1], states_of(network, ONE)[-1], atol=1e-5)


def test_the_event_type_matters():
    changed = Histories.from_lists([[1, 2, 3, 4, 5]], [[0, 1, 0, 1, 1]], [[0, 0, 1, 2, 3]])
    network = network_of()
    assert not torch.allclose(states_of(network, changed)[-1], states_of(network, ONE)[-1], atol=1e-5)


def test_padding_changes_no_state():
    network = network_of()
    alone = states_of(network, Histories.from_lists([[1, 2]]))
    beside = states_of(network, Histories.from_lists([[1, 2], [3, 4, 5, 6, 7, 8]]))
    torch.testing.assert_close(beside[:2], alone)


def test_the_gpt2_path_equals_the_reference_on_the_same_weights():
    network, inputs = network_of(), windows(ONE)
    config = GPT2Config(n_embd=8, n_layer=2, n_head=2, n_positions=6, vocab_size=1, bos_token_id=0, eos_token_id=0)
    reference = GPT2Model(config).eval()
    reference.load_state_dict(network.backbone.state_dict())
    with torch.no_grad():
        matrix = network.item_matrix()
        wanted = reference(inputs_embeds=network.step_vectors(inputs, matrix)).last_hidden_state[0]
        torch.testing.assert_close(network.states(inputs, matrix), wanted)


def test_a_step_vector_is_the_normalised_mean_of_item_text_and_type():
    network = network_of()
    with torch.no_grad():
        text = network.text_projections()[0]
        items = network.item_table_VD + text.vectors_VX @ text.projection.weight.T
        mean = (items[1] + network.type_table_CD[0] + items[2] + network.type_table_CD[1]) / 2
        got = network.step_vectors(windows(ONE), network.item_matrix())[0, 0]
        torch.testing.assert_close(got, network.step_norm(mean))


def test_texts_that_repeat_are_projected_once_to_the_same_vectors_and_gradients():
    vectors = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)[[0, 1, 1, 2, 3, 3, 3, 0, 1, 2, 2, 1, 3]]
    network = network_of()
    block, came = network.text_projections()[0], torch.randn(N_ITEMS + 1, 8)
    block.fill(vectors)
    assert len(block.distinct_UX) == 4
    projected = block()
    (gradient,) = torch.autograd.grad((projected * came).sum(), block.projection.weight)
    torch.testing.assert_close(projected, block.vectors_VX @ block.projection.weight.T)
    torch.testing.assert_close(gradient, came.T @ block.vectors_VX)
    assert not any("distinct" in name for name in network.state_dict())
    block.fill(np.random.default_rng(0).normal(size=(N_ITEMS + 1, 5)).astype(np.float32))
    assert block.distinct_UX is None


def test_id_dropout_spares_items_without_text_and_evaluation():
    network = network_of(id_dropout=0.99)
    torch.testing.assert_close(network.item_matrix(), network.item_matrix())
    full = network.item_matrix()
    network.train()
    with seeded(0):
        dropped = network.item_matrix()
    torch.testing.assert_close(dropped[6:], full[6:])
    assert not torch.allclose(dropped[1:6], full[1:6])


def test_settings_reach_the_backbone():
    config = make_backbone(options_of(dimensions=8, layers=3, heads=4, max_steps=7, dropout=0.3)).config
    assert (config.n_embd, config.n_layer, config.n_head, config.n_positions) == (8, 3, 4, 7)
    assert (config.resid_pdrop, config.attn_pdrop, config.embd_pdrop) == (0.3, 0.3, 0.0)


@pytest.mark.parametrize(("backbone", "names"), [("gpt2", ["c_fc"]), ("llama", ["gate_proj"]), ("nextact", ["mixing"])])
def test_the_width_of_the_feed_forward_part_is_an_option(backbone, names):
    sizes = {"dimensions": 8, "layers": 1, "heads": 2, "max_steps": 7}
    network = make_backbone(options_of(backbone=backbone, feed_forward=12, **sizes))
    shapes = [tuple(p.shape) for name, p in network.named_parameters() if any(one in name for one in names)]
    assert any(12 in shape or 24 in shape for shape in shapes)
    with pytest.raises(ValueError, match="feed_forward must be at least 1, got 0"):
        options_of(feed_forward=0)


@pytest.mark.parametrize(
    ("backbone", "problem"),
    [("bert", "later steps"), ("gtp2", "no transformers configuration"), ("t5", "cannot be used")],
)
def test_a_backbone_that_does_not_fit_is_refused(backbone, problem):
    with pytest.raises(NextactError, match=problem):
        make_backbone(options_of(backbone=backbone, dimensions=8, max_steps=6))


def test_windows_of_many_lengths_give_each_window_its_own_states():
    network = network_of()
    lists = [[1], [2, 3, 4], [5, 6], np.arange(1, 7).tolist()]
    together = states_of(network, Histories.from_lists(lists))
    apart = torch.cat([states_of(network, Histories.from_lists([user])) for user in lists])
    torch.testing.assert_close(together, apart)


def test_a_hidden_step_is_predicted_from_both_sides_and_not_from_itself():
    network = network_of(backbone="bert", objective="masked")
    hide_second = np.array([False, True, False, False])

    def state(items):
        log = StepLog(Histories.from_lists([items], timestamps=[[0, 1, 2, 3]]))
        with torch.no_grad():
            inputs = log.inputs(log.first_step[:-1], log.n_steps, hide_second)
            return network.states(inputs, network.item_matrix())[1]

    reference = state([1, 2, 3, 4])
    torch.testing.assert_close(state([1, 9, 3, 4]), reference)
    for changed in ([7, 2, 3, 4], [1, 2, 3, 7]):
        assert not torch.allclose(state(changed), reference, atol=1e-5)


def test_bert_settings_reach_the_backbone():
    options = options_of(backbone="bert", objective="masked", dimensions=8, layers=3, heads=4, max_steps=7, dropout=0.3)
    config = make_backbone(options).config
    assert (config.hidden_size, config.num_hidden_layers, config.max_position_embeddings) == (8, 3, 7)
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.3, 0.3)


@pytest.mark.parametrize(
    ("backbone", "objective", "spread"), [("gpt2", "next", 0.02), ("bert", "masked", 1 / 8), ("gpt2", "masked", 1 / 8)]
)
def test_weights_start_wider_where_a_hidden_step_has_nothing_of_its_own(backbone, objective, spread):
    with seeded(0):
        network = make_backbone(options_of(backbone=backbone, objective=objective, dimensions=64))
    weights = [one for name, one in network.named_parameters() if "query.weight" in name or "c_attn.weight" in name]
    assert torch.cat([one.flatten() for one in weights]).std().item() == pytest.approx(spread, rel=0.05)
