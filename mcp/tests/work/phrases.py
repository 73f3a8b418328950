"""Sentences from which documents are made. Each {name} in braces is chosen anew."""

CHOICES = {
    "person": (
        *("Ana", "Tomasz", "Jonas", "Farida", "Wei", "Oluchi", "Marta", "Henrik", "Leila", "Priya"),
        *("Mateo", "Sanne", "Kofi", "Ingrid", "Davide", "Yuki", "Bram", "Zofia", "Amara", "Elif"),
    ),
    "team": (
        *("the front desk", "accounting", "the kitchen", "the night shift", "the school board"),
        *("our supplier", "the landlord", "the choir", "the parents' council", "the insurance"),
    ),
    "place": (
        *("the east wing", "the workshop", "the annex", "the cellar", "room 12", "the reading room"),
        *("the loading dock", "the courtyard", "the branch in Leiden", "the old pharmacy"),
    ),
    "thing": (
        *("the boiler", "the booking form", "the price list", "the key register", "the rota"),
        *("the newsletter", "the card terminal", "the signage", "the first-aid kit", "the deposit"),
        *("the dishwasher", "the lending contract", "the donation box", "the bicycle shed"),
    ),
    "food": (
        *("lentils", "leeks", "buckwheat", "fennel", "quinces", "barley", "chickpeas", "parsnips"),
        *("walnuts", "smoked paprika", "sorrel", "rye flour", "black garlic", "celeriac"),
    ),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "the weekend", "the end of the month"),
    "number": tuple(str(number) for number in (3, 4, 7, 9, 12, 15, 18, 24, 35, 48, 60, 140, 275, 1200)),
}

TITLES = {
    "meeting": ("Meeting about {thing}", "Weekly round with {team}", "Talk with {person} about {thing}"),
    "minutes": ("Minutes: {place}", "Minutes of the session with {team}", "Protocol, {thing}"),
    "decision": ("Decision on {thing}", "Why we changed {thing}", "Options for {place}"),
    "recipe": ("{food} stew for {number}", "Baked {food} with {food}", "{person}'s {food} pie"),
    "plan": ("Plan for {place}", "Checklist: {thing} before {day}", "Trip with {team}"),
}

HEADINGS = {
    "meeting": ("What was said", "Open points", "Next steps"),
    "minutes": ("Present", "Discussion", "Resolved", "Next steps"),
    "decision": ("Background", "Options", "Decision", "Consequences"),
    "recipe": ("Ingredients", "Method", "Notes from last time"),
    "plan": ("Aim", "Steps", "Risks", "Next steps"),
}

WORK_SENTENCES = (
    "{person} reported that {thing} has been ready since {day}, but nobody in {place} was informed.",
    "We spent about {number} minutes on {thing} and agreed that {team} should look at it first.",
    "{person} asked whether {place} could be used until {day}; {person} had no objection.",
    "The bill for {thing} was {number} euros higher than expected, mostly because of transport.",
    "If {team} does not answer by {day}, {person} will call them and write down what they say.",
    "There were {number} complaints about {place} this quarter, fewer than in the one before.",
    "Nobody remembers who signed for {thing}. {person} will search the binder in {place}.",
    "{person} prefers the cheaper offer; {person} pointed out that it excludes maintenance.",
    "The measurements from {place} are in the shared folder, under the date of the visit.",
    "We keep the present arrangement with {team} for another {number} weeks and then compare.",
    "A volunteer offered to repaint {place}, on condition that {team} pays for the material.",
    "{person} tried {thing} with {number} visitors: most managed alone, a few needed help.",
    "Before {day} somebody has to check that {thing} still works when the power was off.",
    "It turned out that {team} had been using last year's version of {thing} all along.",
    "{person} is away from {day}; during that time {person} answers the phone in {place}.",
    "The contract allows us to stop with {number} days' notice, in writing, without a reason.",
)

FOOD_SENTENCES = (
    "Soak {number} handfuls of {food} overnight and change the water once.",
    "Roast the {food} until the edges turn brown, about {number} minutes, and let it cool.",
    "{person} leaves out the salt and adds a spoon of vinegar just before serving.",
    "Last time it was too dry; with {number} spoons more of stock it would have been right.",
    "Cut the {food} as thin as you can, and mix it with the {food} while both are warm.",
    "Everybody had a second plate except {person}, who does not like {food}.",
    "The dough rests for {number} minutes under a cloth, longer if the kitchen is cold.",
    "You can make it on {day} and keep it covered; it tastes better the day after.",
)

OTHER_LANGUAGES = {
    "de": (
        ("Besprechung: {person} und {person}", "Protokoll vom {number}. des Monats"),
        ("Besprochen", "Nächste Schritte"),
        (
            "{person} berichtet, dass die Heizung im Erdgeschoss seit {number} Tagen ausfällt.",
            "Wir haben beschlossen, das Angebot über {number} Euro abzulehnen und neu zu verhandeln.",
            "Bis dahin übernimmt {person} die Schlüsselübergabe und führt die Liste weiter.",
            "Die Gäste wünschen sich längere Öffnungszeiten, vor allem an Feiertagen.",
            "{person} prüft, ob die Versicherung für den Wasserschaden größtenteils aufkommt.",
        ),
    ),
    "fr": (
        ("Réunion avec {person}", "Compte rendu no {number}"),
        ("Discussion", "À faire"),
        (
            "{person} a rappelé que la salle doit être rendue propre avant {number} heures.",
            "Le devis est trop élevé ; on demandera une remise à l'entreprise d'à côté.",
            "Il faudra prévenir les bénévoles que l'accueil ferme plus tôt pendant l'été.",
            "{person} s'occupe des affiches et {person} des autorisations de la mairie.",
            "L'atelier a réuni {number} personnes, dont plusieurs venaient pour la première fois.",
        ),
    ),
    "es": (
        ("Acta: {person} y el barrio", "Notas de la visita {number}"),
        ("Temas", "Próximos pasos"),
        (
            "{person} explicó que faltan {number} sillas y que el proveedor llegará con retraso.",
            "Se acordó mantener la cuota actual y revisar las cuentas después del verano.",
            "Nadie sabe dónde está la llave del almacén; {person} preguntará en recepción.",
            "La mayoría prefiere reunirse por la tarde, aunque {person} solo puede por la mañana.",
            "Queda pendiente comprar pintura, bombillas y un extintor nuevo para el pasillo.",
        ),
    ),
    "pl": (
        ("Zebranie w sprawie {number} okien", "Notatka: {person}"),
        ("Ustalenia", "Dalsze kroki"),
        (
            "{person} zgłosiła, że od {number} dni nie działa oświetlenie na klatce schodowej.",
            "Postanowiliśmy odłożyć zakup krzeseł i najpierw naprawić przeciekający dach.",
            "Księgowość prosi o faktury najpóźniej do piątku, inaczej przepadnie zaliczka.",
            "{person} zadzwoni do spółdzielni i zapyta o źródło hałasu w piwnicy.",
        ),
    ),
    "ja": (
        ("{person}さんとの打ち合わせ", "議事録 第{number}回"),
        ("内容", "次の予定"),
        (
            "{person}さんから、会議室の空調が{number}日前から止まっているとの報告がありました。",
            "見積もりは予算を超えるため、来週までに別の業者にも問い合わせることにしました。",
            "受付の鍵は二階の棚に戻し、使った人が必ず名前を書くことになりました。",
            "参加者は{number}人で、次回は駅前の図書館を借りる予定です。",
        ),
    ),
}

TASKS = (
    "Call {team} about {thing}",
    "Order {food} for {number} people",
    "Write to {person} about {place}",
    "Check {thing} in {place}",
    "Send {thing} to {person}",
    "Compare offers for {thing}",
    "Return {thing} to {team}",
    "Book {place} for {day}",
)

MESSAGES = (
    "Has anybody seen {thing}? It was in {place} on {day}.",
    "I talked to {team}, they need another {number} days.",
    "{person}, can you bring {food} tomorrow?",
    "Fine with me.",
    "The photos of {place} are on the drive now.",
    "Sorry, I was in {place} and had no signal.",
    "That would be {number} euros each, if all of us come.",
    "Let us talk about {thing} on {day}, not here.",
)

COMMENTS = (
    "{person} says that {thing} is no longer needed.",
    "Please check the number again: {number} seems too high for {place}.",
    "Done on {day}; {team} has confirmed it.",
    "I would ask {team} first.",
    "Is this still true after what happened in {place}?",
)
