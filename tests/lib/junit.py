#!/usr/bin/python3
"""junit.py FILE: the test cases of a JUnit file as pytest writes it, one "STATUS<TAB>NAME" each, for report.sh."""

import sys
import xml.etree.ElementTree as ElementTree

for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
    name = f"{case.get('classname')}.{case.get('name')}".replace("\t", " ")
    status = "PASS"
    for outcome in case:
        if outcome.tag in ("failure", "error"):
            status = "FAIL"
        elif outcome.tag == "skipped" and status == "PASS":
            status = "SKIP"
            name += " # " + " ".join((outcome.get("message") or "").split())
    print(f"{status}\t{name}")
