"""Answers that nobody may record are left out of forms by the names of their inputs, in six languages."""

import pytest
from msgspec.structs import replace

from ingest.policy.form_secrets import is_secret, without_secret_answers
from tests.unit.ingest.policy.kit import a_caller, the_event

SECRETS = """
password passwd passcode passphrase user_pwd pin otp totp auth_code authcode authCode verification_code security-code
access_code one_time_code cvc cvv2 csc card_number cardNumber credit_card expiry exp_date expiration iban bic swift
account_number routing_number sort_code customer[ssn] social_security tax_id national_id secret api_key token
passwort kennwort geheimzahl kreditkarte kartennummer pruefnummer prüfnummer kartenprüfnummer sicherheitscode tan mtan
kontonummer blz steuernummer sozialversicherungsnummer ablaufdatum gültig_bis schlüssel
mot_de_passe motDePasse mdp code_secret cryptogramme carte_bancaire numero_carte code_sécurité jeton rib
numéro_de_sécurité_sociale date_expiration code_confirmation
contraseña contrasena clave tarjeta numero_tarjeta codigo_seguridad código_de_verificación caducidad cuenta_bancaria dni
nif palabra_secreta
senha palavra_passe cartao cartão numeroCartao codigo_seguranca validade cpf chave
parola_chiave parolachiave carta_di_credito numero_carta codice_sicurezza codice_segreto codice_fiscale scadenza code
"""
PLAIN = """
company size email name first_name last_name city street zip_code postcode code_postal codigo_postal country phone
comment start_date author color quantity coupon job_title subject salutation birthday newsletter topic budget shipping
discount_code promo_code plan product account_type industry description option experience instance distance tanker
keyword monkey opinion spinning class compass_direction tandem social_network insurance versicherung currency passenger
success hobby niece contract_length message strip
"""


@pytest.mark.parametrize("name", SECRETS.split())
def test_what_asks_for_a_secret_is_known_by_its_name(name: str):
    assert is_secret(name)


@pytest.mark.parametrize("name", PLAIN.split())
def test_other_answers_are_kept(name: str):
    assert not is_secret(name)


def test_a_form_goes_without_its_secrets_and_keeps_the_rest():
    fields = {"company": "Tea & Co", "clave": "hunter2"}
    event = replace(the_event(properties={"form_id": "f", "fields": fields}), name="form_submitted")
    assert without_secret_answers(event, a_caller()).properties == {"form_id": "f", "fields": {"company": "Tea & Co"}}


@pytest.mark.parametrize("properties", [{"fields": {"company": "x"}}, {"fields": ["pin"]}, {"pin": "1"}, {}])
def test_forms_without_secrets_stay_as_they_are(properties: dict[str, object]):
    event = replace(the_event(properties=properties), name="form_submitted")
    assert without_secret_answers(event, a_caller()) is event


def test_events_that_are_no_forms_stay_as_they_are():
    event = the_event(properties={"fields": {"pin": "1"}})
    assert without_secret_answers(event, a_caller()) is event
