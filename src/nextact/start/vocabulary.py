"""Words by which columns and event types are named, of several languages; the clearest stand first."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES: dict[str, tuple[str, ...]] = {
    "timestamp": _words("""
        timestamp event_time occurred datetime time moment ts at date when day created booked ordered purchased started
        zeitpunkt zeitstempel buchungstag buchungsdatum zeit datum fecha hora heure jour data dato millis epoch unix
    """),
    "user_id": _words("""
        user customer client member visitor patient subscriber buyer shopper reader person student employee kunde kunden
        kundin nutzer benutzer mitglied besucher cliente usuario utilisateur utente klant household account konto card
        device cookie guest owner who
    """),
    "item_id": _words("""
        item product sku article isbn ean asin service movie film book track song artist course recipe ad news page
        stock artikel produkt ware leistung producto articulo produit prodotto medication drug procedure diagnosis
        content title what code listing offer
    """),
    "session_id": _words("""
        session basket cart visit order invoice receipt transaction trip encounter beleg bestellung korb sitzung
    """),
    "event_type": _words("""
        event action behaviour behavior activity interaction operation verb kind type what ereignis aktion vorgang
        buchungsart evento accion evenement
    """),
    "value": _words("""
        amount value price total revenue sales paid betrag umsatz preis wert summe importe precio montant prix importo
        rating score stars quantity qty count menge
    """),
}
IDS = set(_words("id ids nr no num number nummer key code uuid guid"))
NO_TIME_OF_EVENT = set(
    _words("""
        updated modified ended end expires expiry due until valid birth born dob died delivered shipped exported loaded
        imported inserted geburtsdatum wertstellung valuta stop
    """)
)
DESCRIBES = set(_words("name title description text label price category type group age brand url"))
NO_TYPE = set(_words("content product item customer user card device account file category currency payment"))
NO_VALUE = set(_words("balance saldo id discount tax row"))
BOUGHT = set(
    _words("""
        purchase purchased buy bought order ordered sale sold transaction checkout subscribe booking kauf bestellung
        achat compra
    """)
)
UNWANTED = set(
    _words("""
        fee interest penalty charge return returned refund cancel cancelled canceled chargeback dislike unlike
        unsubscribe remove removed delete deleted logout login error impression skip bounce
    """)
)
