"""Print what the plan gives the balancer of a small app, as JSON."""

from __future__ import annotations

import json
import sys

from selextract_infra.policy import load_policy
from selextract_infra.templates.read_balancer import OwnPlace, read_balancer_values

FOLDER = "/var/lib/selextract-infra/projects/shop/balancer-ro"
POLICY = load_policy({"balancing": {"proxy": {"image": "selextract/stack:lab"}}})
PLACE = OwnPlace("shop-balancer-ro", FOLDER, "127.0.0.1", POLICY.replication.ports.primary)
VALUES = read_balancer_values(POLICY, service="postgres", network="shop_default", place=PLACE)
sys.stdout.write(json.dumps({**VALUES, "image": POLICY.balancing.proxy.image, "allowed": []}))
