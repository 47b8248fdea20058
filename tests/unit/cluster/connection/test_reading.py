"""One object, read whole: what is not that object is an error, whatever the code of the answer."""

from __future__ import annotations

from typing import Any

import pytest

from podtui.cluster.connection.decoding import UnreadableAnswer
from podtui.cluster.connection.reading import read_object
from podtui.kube.resources import PODS, ObjectRef
from tests.support.api_server import ApiServer, connected

REF = ObjectRef(PODS, "web-1", "shop", "u")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"kind": "Status", "status": "Failure", "message": "no \x1b[31mbackend"}, "is not a Pod: Status: no ␛[31mbackend"),
        ({}, "is not a Pod: no object"),
        ({"kind": "PodList", "items": []}, "is not a Pod: PodList"),
    ],
)
async def test_an_answer_of_another_kind_is_no_other_pod_of_the_same_name(answer: dict[str, Any], words: str) -> None:
    async with connected(ApiServer({REF.path: answer})) as connection:
        with pytest.raises(UnreadableAnswer, match="pod/web-1") as caught:
            await read_object(connection, REF)
    assert words in caught.value.what


async def test_a_pod_is_read_with_its_size() -> None:
    pod = {"kind": "Pod", "metadata": {"name": "web-1"}}
    async with connected(ApiServer({REF.path: pod})) as connection:
        obj, size = await read_object(connection, REF)
    assert obj == pod and size > 20
