"""OSMP in windows-1251, as the older ones of its servers and terminals speak it."""

from channels.terminal_case import ACCOUNT, Case, a_get, values

from ingest.channels.dialects.online.request import Kind, Result

DIALECT = {"protocol": "osmp", "encoding": "cp1251", "fields": {"value": "показание"}}
CONTENT_TYPE = "text/xml; charset=windows-1251"
NAME = "%EF%EE%EA%E0%E7%E0%ED%E8%E5"
ASKED = {
    "kind": Kind.PAY,
    "transaction_id": "7",
    "account": ACCOUNT,
    "readings": values("5467"),
}
HEAD = '<?xml version="1.0" encoding="windows-1251"?>\n<response><osmp_txn_id>7</osmp_txn_id>'

CASES = [
    Case(
        label="a parameter with a Russian name",
        request=a_get(f"command=pay&txn_id=7&account={ACCOUNT}&{NAME}=5467"),
        asked=ASKED,
        result=Result(message="Принято: 5467 кВт·ч"),
        said=f"{HEAD}<result>0</result><comment>Принято: 5467 кВт·ч</comment></response>\n",
    ),
    Case(
        label="what the encoding lacks is a reference",
        request=a_get(f"command=pay&txn_id=7&account={ACCOUNT}&{NAME}=5467"),
        asked=ASKED,
        result=Result(message="5467\u202f→ <&> \u0085 5468"),
        said=f"{HEAD}<result>0</result>"
        "<comment>5467 &#8594; &lt;&amp;&gt; 5468</comment></response>\n",
    ),
]
