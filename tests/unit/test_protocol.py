import pytest

from nextact.options import OptionsError
from nextact.protocol import PolicyOptions

from ..protocols import make_certificate


@pytest.mark.parametrize(("said", "means"), [(True, "anew"), (False, "none")])
def test_a_refit_policy_of_an_earlier_version_is_answered_with_its_name_of_today(said, means):
    with pytest.raises(OptionsError, match=f"PolicyOptions.refit: {str(said).lower()} is '{means}' now"):
        PolicyOptions(exclude_seen=False, refit=said)


def test_an_unknown_refit_policy_is_answered_with_those_that_there_are():
    with pytest.raises(OptionsError, match=r"refit should be 'none', 'anew' or 'continue', got 'again'"):
        PolicyOptions(exclude_seen=False, refit="again")


def test_each_refit_policy_is_a_protocol_of_its_own():
    words = {
        name: PolicyOptions(exclude_seen=False, refit=name).refit_in_words for name in ("none", "anew", "continue")
    }
    certificates = {name: make_certificate(refit=said) for name, said in words.items()}
    assert len({one.protocol_hash for one in certificates.values()}) == 3
    assert [one.is_refitted for one in certificates.values()] == [False, True, True]
    assert [one.is_continued for one in certificates.values()] == [False, False, True]
