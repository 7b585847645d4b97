"""Who the demo pretends to be."""

NAME = "Saltmoor"
SALES_EMAIL = "sales@saltmoor.example"
ON_CALL_EMAIL = "on-call@saltmoor.example"
FROM_ADDRESS = "Saltmoor <hello@saltmoor.example>"
