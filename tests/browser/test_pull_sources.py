"""The page that starts pulls: an archive is uploaded, the image loaded, and the page of the pull shows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from nodes.engine import EngineEndpoint, connect
from tests.browser.conftest import Site
from tests.services.engine import RealEngine
from tests.services.registries import Registries

pytestmark = pytest.mark.real


def test_an_archive_is_uploaded_and_loaded(
    site: Site, registries: Registries, engine: RealEngine, add_image: Any, node: dict[str, Any], tmp_path: Path
) -> None:
    reference = registries.open.reference("team/mid:1")
    file = tmp_path / "image.tar"
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        repository, _, tag = reference.rpartition(":")
        with connection.pull(repository, tag_or_digest=tag, auth=None) as stream:
            assert list(stream)
        with connection.save_image(reference) as saved:
            file.write_bytes(b"".join(saved.chunks()))
    engine.wipe()
    image = add_image("from an archive", reference)
    page = site.open(f"/admin/pulls/pulljob/add/?image={image}")
    page.locator(f"#il-node-{node['id']}").check()
    page.locator("#il-source").select_option("archive")
    expect(page.locator("#il-source-node")).to_be_hidden()
    page.locator("#il-archive-file").set_input_files(file)
    page.locator('[data-part="go"]').click()
    page.wait_for_url(re.compile(r"/admin/pulls/pulljob/\d+/change/"))
    expect(page.locator('[data-part="state"]')).to_have_text("succeeded", timeout=60_000)
    expect(page.locator("body")).to_contain_text("from an archive")
    assert engine.inspect(reference) is not None
