"""The morning: messages as people and partners send them, and what each must lead to."""

from ingest.demo.script import Billed, Letter, Push, Registry, Scene, Sms, Wanted
from ingest.model import ACCEPTED, Disposition, Reason, Verdict

ACCEPT, HOLD, REJECT = Disposition.ACCEPT, Disposition.HOLD, Disposition.REJECT

CORRECTED = Verdict(ACCEPT, Reason.CORRECTED)
REPEATED = Verdict(ACCEPT, Reason.REPEATED)
NOT_RECOGNISED = Verdict(HOLD, Reason.NOT_RECOGNISED)
ACCOUNT_MALFORMED = Verdict(REJECT, Reason.ACCOUNT_MALFORMED)
READING_MALFORMED = Verdict(REJECT, Reason.READING_MALFORMED)
READING_MISSING = Verdict(REJECT, Reason.READING_MISSING)
WINDOW_CLOSED = Verdict(REJECT, Reason.WINDOW_CLOSED)
HELD_AUTOMATIC = Verdict(HOLD, Reason.AUTOMATIC_MAIL)
AUTOMATIC = Verdict(Disposition.IGNORE, Reason.AUTOMATIC_MAIL)

MAILS = (
    Scene(
        key="plain-mail",
        title="A mail, written as it is asked for",
        message=Letter(
            name="Анна Кузнецова",
            address="kuznetsova.anna@pochta.example",
            subject="Показания",
            text="123456789012*5467;\n",
        ),
        wanted=Wanted(
            status="250",
            verdict=ACCEPTED,
            readings=(ACCEPTED,),
            answer=("Показание 5467 кВт·ч по лицевому счёту 123456789012 принято", "Код вашего"),
        ),
    ),
    Scene(
        key="html-mail",
        title="A mail in HTML only, in windows-1251",
        message=Letter(
            name="Сергей Волков",
            address="s.volkov@pochta.example",
            subject="показания счетчика",
            text=(
                "<html><body><style>p {color: navy}</style>\n"
                "<p>Добрый день!</p>\n"
                "<p><b>240100310057</b>*18843;</p>\n"
                "<p>С уважением,<br>Сергей Волков</p></body></html>\n"
            ),
            is_html=True,
            charset="windows-1251",
        ),
        wanted=Wanted(
            status="250", verdict=ACCEPTED, readings=(ACCEPTED,), answer=("18843 кВт·ч", "принято")
        ),
    ),
    Scene(
        key="three-readings",
        title="A mail with three readings, one of them bad",
        message=Letter(
            name="Ольга Мельникова",
            address="melnikova-olga@pochta.example",
            subject="Показания по трём квартирам",
            text="240100310065*7712;\n240100310073*;\n240100310081*10455;\n",
        ),
        wanted=Wanted(
            status="250",
            verdict=READING_MISSING,
            readings=(ACCEPTED, READING_MISSING, ACCEPTED),
            answer=("2 приняты, 1 не принято", "нет показания"),
        ),
    ),
    Scene(
        key="free-words",
        title="A mail in one's own words that can be read all the same",
        message=Letter(
            name="Иван Петрович Сидоров",
            address="sidorov.ip@pochta.example",
            subject="свет",
            text=(
                "Здравствуйте, передаю показания за свет.\n"
                "Лицевой счет 240100310099, показания 04512 кВт\n\n"
                "Сидоров И.П., ул. Ленина, 12-45\n"
            ),
        ),
        wanted=Wanted(
            status="250", verdict=ACCEPTED, readings=(ACCEPTED,), answer=("4512 кВт·ч", "принято")
        ),
    ),
    Scene(
        key="no-reading",
        title="A mail that only a person can answer",
        message=Letter(
            name="Галина Орлова",
            address="orlova_gv@pochta.example",
            subject="Вопрос по квитанции",
            text=(
                "Добрый день! В октябре нам заменили счётчик, а в квитанции опять старый.\n"
                "Куда принести акт о замене?\n"
            ),
        ),
        wanted=Wanted(status="250", verdict=NOT_RECOGNISED, answer=("прочитает специалист",)),
    ),
    Scene(
        key="short-account",
        title="A mail with a digit missing in the account",
        message=Letter(
            name="Дмитрий Зайцев",
            address="d.zaytsev@pochta.example",
            subject="Показания счётчика",
            text="24010031011*5120;\n",
        ),
        wanted=Wanted(
            status="250",
            verdict=ACCOUNT_MALFORMED,
            readings=(ACCOUNT_MALFORMED,),
            answer=("должно быть 12 цифр, а в вашем сообщении их 11",),
        ),
    ),
    Scene(
        key="automatic-mail",
        title="An absence notice: robots get no answer",
        message=Letter(
            name="Елена Фёдорова",
            address="fedorova@kontora.example",
            subject="Автоматический ответ: Показания",
            text="Я в отпуске до 7 декабря. По срочным вопросам звоните секретарю.\n",
            headers={"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"},
        ),
        wanted=Wanted(status="250", verdict=AUTOMATIC),
    ),
    Scene(
        key="automatic-reading",
        title="A robot that forwards a reading: a person looks at it, the robot gets no answer",
        message=Letter(
            name="Факс-сервер",
            address="fax@kontora.example",
            subject="Факс от 8 391 200-00-00",
            text="240100310107*3051;\n",
            headers={"Auto-Submitted": "auto-generated"},
        ),
        wanted=Wanted(status="250", verdict=HELD_AUTOMATIC, readings=(HELD_AUTOMATIC,)),
    ),
    Scene(
        key="wrong-recipient",
        title="A mail to an address that is not ours is refused in the dialogue",
        message=Letter(
            name="Пётр Громов",
            address="gromov@pochta.example",
            subject="Показания",
            text="240100310115*902;\n",
            recipient="energia@krsk-sbit.example",
        ),
        wanted=Wanted(status="550"),
    ),
)

TEXTS = (
    Scene(
        key="sms",
        title="An SMS through Kannel",
        message=Sms(name="Марина", number="+79130000101", text="240100310123*6120", id="kannel-1"),
        wanted=Wanted(
            status="200",
            verdict=ACCEPTED,
            readings=(ACCEPTED,),
            answer=("Принято 240100310123: 6120 кВт·ч.",),
        ),
    ),
    Scene(
        key="sms-again",
        title="The gateway delivers the same SMS again: the same answer, nothing changes",
        message=Sms(name="Марина", number="+79130000101", text="240100310123*6120", id="kannel-1"),
        wanted=Wanted(status="200", same_as="sms"),
    ),
    Scene(
        key="correction",
        title="A slip of the finger, put right a minute later",
        message=Sms(name="Марина", number="+79130000101", text="240100310123*6210;", id="kannel-2"),
        wanted=Wanted(
            status="200",
            verdict=CORRECTED,
            readings=(CORRECTED,),
            answer=("240100310123: 6210", "вместо прежнего"),
        ),
    ),
    Scene(
        key="repeated",
        title="The whole family sends the same value",
        message=Sms(
            name="Виктор, муж Марины",
            number="+79130000102",
            text="240100310123*6210",
            id="kannel-3",
        ),
        wanted=Wanted(
            status="200",
            verdict=REPEATED,
            readings=(REPEATED,),
            answer=("Уже принято 240100310123: 6210",),
        ),
    ),
    Scene(
        key="two-zones",
        title="Day and night of a two-tariff meter",
        message=Sms(
            name="Рустам", number="+79130000103", text="240100310131*5467*1203;", id="kannel-4"
        ),
        wanted=Wanted(
            status="200",
            verdict=ACCEPTED,
            readings=(ACCEPTED,),
            answer=("Принято 240100310131", "5467", "1203"),
        ),
    ),
    Scene(
        key="short-code",
        title="A bank's short code: no person, so no answer",
        message=Sms(
            name="банк",
            number="900",
            text="Покупка 1250р ПРОДУКТЫ. Баланс: 8730.12р",
            id="kannel-5",
        ),
        wanted=Wanted(status="200", verdict=NOT_RECOGNISED),
    ),
    Scene(
        key="window-closed",
        title="An SMS on a day on which this channel takes nothing",
        message=Sms(
            name="Людмила",
            number="+79130000104",
            text="240100310149*3377;",
            id="late-1",
            channel="sms-late",
        ),
        wanted=Wanted(
            status="200",
            verdict=WINDOW_CLOSED,
            readings=(WINDOW_CLOSED,),
            answer=("Не принято 240100310149: приём",),
        ),
    ),
    Scene(
        key="push",
        title="An SMS through a gateway that config.toml describes; answered by its own request",
        message=Push(
            name="Николай", number="+79130000105", text="240100310156 * 20418", id="push-1"
        ),
        wanted=Wanted(
            status="200",
            verdict=ACCEPTED,
            readings=(ACCEPTED,),
            answer=("Принято 240100310156: 20418 кВт·ч.",),
        ),
    ),
    Scene(
        key="long",
        title="A long SMS that its gateway hands over in two parts, the second one first",
        message=Push(
            name="Лариса",
            number="+79130000107",
            text="240100310164*7713; 240100310172*20077;",
            id="push-3",
            parts=2,
        ),
        wanted=Wanted(
            status="200",
            verdict=ACCEPTED,
            readings=(ACCEPTED, ACCEPTED),
            answer=("Приняты все показания: 2.",),
        ),
    ),
    Scene(
        key="wrong-secret",
        title="Somebody who does not know the gateway's secret",
        message=Push(
            name="неизвестно кто",
            number="+79130000106",
            text="240100310156*1;",
            id="push-2",
            knows_secret=False,
        ),
        wanted=Wanted(status="401"),
    ),
)

REGISTRY_LINES = (
    ("240100320019;4467", ACCEPTED),
    ("240100320027;12004", ACCEPTED),
    ("24010032003;5120", ACCOUNT_MALFORMED),
    ("240100320043;77l2", READING_MALFORMED),
    ("240100320050;", READING_MISSING),
    ("240100320068;8831,7", ACCEPTED),
    ("240100320076;НЕТ", READING_MISSING),
    ("240100320084;00912", ACCEPTED),
    ("240100320092;6604", ACCEPTED),
    ("240100320019;4476", CORRECTED),
    ("240100310057;18843", REPEATED),
    ("240100320109;15", ACCEPTED),
)
REGISTRY = "\r\n".join(
    ("# CityPay, терминалы: показания за утро", *(line for line, _ in REGISTRY_LINES), "=12", "")
)

REGISTRIES = (
    Scene(
        key="registry",
        title="A partner's registry, some of its lines bad",
        message=Registry(file_name="citypay-0611.csv", text=REGISTRY),
        wanted=Wanted(
            status="done",
            verdict=ACCOUNT_MALFORMED,
            readings=tuple(verdict for _, verdict in REGISTRY_LINES),
            answer=(
                "24010032003;5120;reject;account_malformed;",
                "240100320068;8831,7;accept;accepted;",
                "240100320076;НЕТ =4",
                "Строк с показаниями: 12",
                "Отклонено: 4",
            ),
        ),
    ),
    Scene(
        key="registry-again",
        title="The same registry under another name: the same result, nothing counts twice",
        message=Registry(file_name="citypay-0611-new.csv", text=REGISTRY),
        wanted=Wanted(
            status="done", answer=("это содержимое уже обработано раньше",), same_as="registry"
        ),
    ),
    Scene(
        key="registry-cut-off",
        title="A registry that lost lines on its way",
        message=Registry(
            file_name="citypay-0612.csv",
            text="240100320117;731\r\n240100320125;9902\r\n=3\r\n",
        ),
        wanted=Wanted(
            status="failed",
            verdict=Verdict(REJECT, Reason.NOT_RECOGNISED),
            answer=("в файле 2, по контрольным числам 3", "исправьте файл и передайте его целиком"),
        ),
    ),
)

MORNING = (*MAILS, *TEXTS, *REGISTRIES)

BILLED = (
    Billed("123456789012", 1, 5467),
    Billed("240100310057", 1, 18843),
    Billed("240100310065", 1, 7712),
    Billed("240100310081", 1, 10455),
    Billed("240100310099", 1, 4512),
    Billed("240100310123", 1, 6210),
    Billed("240100310131", 1, 5467),
    Billed("240100310131", 2, 1203),
    Billed("240100310156", 1, 20418),
    Billed("240100310164", 1, 7713),
    Billed("240100310172", 1, 20077),
    Billed("240100320019", 1, 4476),
    Billed("240100320027", 1, 12004),
    Billed("240100320068", 1, 8831),
    Billed("240100320084", 1, 912),
    Billed("240100320092", 1, 6604),
    Billed("240100320109", 1, 15),
)
"""What all of it comes to: every register once, with the value that was given last."""
