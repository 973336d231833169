# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What run_playbook makes of Ansible's output."""

from __future__ import annotations

from tests.support.playbooks import PlaybookResult, run_playbook

_OUTPUT = """
TASK [Try] ****
fatal: [localhost]: FAILED! => {"changed": false, "msg": "ignored {x}"}
...ignoring

TASK [Ask] ****
failed: [localhost] (item=a) => {"ansible_loop_var": "item", "changed": false, "msg": "port 5001 is taken"}

PLAY RECAP *********
localhost                  : ok=4    changed=1    unreachable=0    failed=1    skipped=3    rescued=0    ignored=1
node-1                     : ok=4    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
"""


def test_the_recap_is_read_by_host() -> None:
    result = PlaybookResult(2, _OUTPUT, "")
    assert result.changed == {"localhost": 1, "node-1": 0}
    assert result.recap["localhost"]["ignored"] == 1


def test_an_ignored_failure_is_not_the_message() -> None:
    assert PlaybookResult(2, _OUTPUT, "").failed_message == "port 5001 is taken"
    ignored = _OUTPUT.replace("failed: [localhost] (item=a)", "ok: [localhost]")
    assert PlaybookResult(0, ignored, "").failed_message == ""


def test_what_ansible_itself_refuses_is_the_message() -> None:
    result = PlaybookResult(1, "", "[ERROR]: the playbook: x.yml could not be found\n")
    assert result.failed_message == "the playbook: x.yml could not be found"


def test_a_real_play(tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("play")
    play = folder / "play.yml"
    play.write_text(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n"
        '    - {ansible.builtin.debug: {msg: "{{ word }}"}, changed_when: true}\n'
        "    - {ansible.builtin.fail: {msg: \"no {{ lookup('env', 'HOME') }}\"}}\n"
    )
    result = run_playbook(play, {"word": "a 'quoted' {{ word }}".replace("{{ word }}", "one")}, fails=True, home=folder)
    assert result.changed == {"localhost": 1}
    assert result.failed_message == f"no {folder}"
    assert "a 'quoted' one" in result.stdout
