//! The texts of the screens.

use std::str::Lines;

use super::{Language, errors};

macro_rules! words {
    ($($name:ident: $ru:literal, $en:literal;)*) => {
        #[allow(non_camel_case_types)]
        enum Place { $($name,)* }

        const COUNT: usize = [$(Place::$name,)*].len();

        /// The texts of one language; a name says where the text stands.
        #[derive(Debug)]
        pub struct Words {
            /// Which one.
            pub language: Language,
            pub(super) errors: &'static [[&'static str; 2]],
            // An array and not a field for each: reading hundreds of fields from a file is much code.
            texts: [&'static str; COUNT],
        }

        #[allow(missing_docs)]
        impl Words {
            $(pub const fn $name(&self) -> &'static str { self.texts[Place::$name as usize] })*
        }

        /// A text a line, in the order in which [`Words::read`] takes them: where each begins is not written, or it would
        /// be a kilobyte of the page.
        pub(super) const RUSSIAN: &str = concat!($($ru, "\n",)*);
        pub(super) const ENGLISH: &str = concat!($($en, "\n",)*);

        /// What stands where, for the tests.
        #[cfg(test)]
        pub(super) const WRITTEN: &[(fn(&Words) -> &'static str, [&str; 2])] = &[$((Words::$name, [$ru, $en]),)*];
    };
}

impl Words {
    /// Takes the lines of one language, then those of its errors.
    pub(super) fn read(language: Language, lines: &mut Lines<'static>) -> Self {
        let texts = std::array::from_fn(|_| lines.next().unwrap_or_default());
        Self { language, texts, errors: errors::read(lines) }
    }
}

words! {
    // The frame around every screen.
    title: "Получение сертификата", "Getting a certificate";
    authority: "Удостоверяющий центр", "Certification authority";
    steps: "Шаги", "Steps";
    step_done: "пройден", "done";
    step_sign_in: "Авторизация", "Signing in";
    step_choice: "Выбор сертификата", "Choosing a certificate";
    step_receiving: "Получение сертификата", "Getting the certificate";
    step_installation: "Установка сертификата", "Installing the certificate";
    step_all_done: "Готово!", "Done!";
    other_language: "English", "Русский";
    sign_out: "Выйти", "Sign out";
    sign_out_everywhere: "Выйти на всех устройствах", "Sign out on all devices";
    skip: "К содержанию", "Skip to content";
    support: "Техническая поддержка", "Support";
    loading: "Загрузка…", "Loading…";
    cancel: "Отмена", "Cancel";
    ok: "ОК", "OK";
    close: "Закрыть", "Close";
    retry: "Повторить", "Try again";
    for_support: "Для поддержки", "For the support";
    part_portal: "Портал", "Portal";
    part_page: "Страница", "Page";
    part_store: "Хранилище сертификатов", "Certificate store";
    tries_left: "Осталось попыток: {}.", "Tries left: {}.";
    try_again_in: "Повторить можно через {}.", "You can try again in {}.";
    time_left: "Осталось времени", "Time left";
    back: "Вернуться к списку", "Back to the list";
    no_english: "Английские тексты не загрузились. English could not be loaded: check the connection, then press “English” again.", "English could not be loaded: check the connection, then try again.";
    offline: "Нет связи с порталом. Соединение восстановится само.", "The portal cannot be reached. The connection will come back by itself.";

    // The check of the workstation.
    checkup: "Проверка рабочего места", "Workstation check";
    checkup_note: "Войти и посмотреть данные можно с любого компьютера. Для получения и установки сертификата нужно всё перечисленное.", "You can sign in and look at your data from any computer. Getting and installing a certificate needs all of these.";
    checkup_ready: "Рабочее место готово.", "The workstation is ready.";
    browser: "Браузер", "Browser";
    extension: "Расширение браузера", "Browser extension";
    host: "Программа на компьютере", "Program on the computer";
    module: "Модуль PKCS#11", "PKCS#11 module";
    token: "Ключевой носитель", "Token";
    line_good: "работает", "works";
    reader: "Считыватель", "Reader";
    clock: "Часы компьютера", "The computer's clock";
    line_warning: "нужно внимание", "needs attention";
    line_missing: "не работает", "does not work";
    line_checking: "проверяется…", "being checked…";
    line_unknown: "пока нельзя проверить", "cannot be checked yet";
    check_all: "Проверить подробно", "Check in detail";
    check_watches: "Изменения видны сразу.", "Changes are seen at once.";
    ask_administrator: "Пакет даст администратор.", "The administrator has the package.";
    report: "Отчёт для поддержки", "Report for the support";
    report_intro: "В файле нет Pin-кодов и ключей. Прочитайте его, сохраните и передайте поддержке.", "The file has no PIN and no key. Read it, save it and hand it to the support.";
    report_personal: "Добавить названия носителей и журнал программы", "Add names of tokens and the program's log";
    save: "Сохранить", "Save";

    // Figures 1 to 3.
    sign_in: "Авторизация", "Signing in";
    sign_in_intro: "Введите номер телефона, указанный в заявлении, и мы пришлём смс с паролем для входа.", "Enter the telephone number from your application, and we will send a text message with a password.";
    phone: "Номер телефона", "Telephone number";
    phone_hint: "Например, +7 922 211 4545", "For example, +7 922 211 4545";
    get_password: "Получить пароль", "Get a password";
    sending: "Отправляем…", "Sending…";
    change_number: "Сменить номер", "Change the number";
    sent_to: "Если номер {} указан в заявлении, в течение 2 минут на него придёт смс с паролем.", "If an application names {}, a text message with a password will arrive within 2 minutes.";
    password: "Пароль из смс", "Password from the text message";
    password_hint: "6 цифр", "6 digits";
    password_short: "В пароле 6 цифр. Введите их все.", "The password has 6 digits. Enter all of them.";
    enter: "Войти", "Sign in";
    entering: "Проверяем…", "Checking…";
    resend: "Получить смс повторно", "Send the message again";
    resend_in: "можно через", "possible in";
    resent: "Смс отправлено ещё раз. Действует пароль из последнего сообщения.", "The message was sent again. The password of the latest one is valid.";
    no_message: "Если вы не получили смс, позвоните по телефону:", "If no message arrives, call:";
    session_ended: "Сеанс завершён. Войдите ещё раз: вы вернётесь туда же, ничего не потеряно.", "Your session has ended. Sign in again: you will return to the same place, and nothing is lost.";

    // Figure 4.
    choice: "Выбор сертификата", "Choosing a certificate";
    choice_intro: "Выберите сертификат, который хотите запросить или установить.", "Choose the certificate that you want to request or install.";
    no_rows: "Для этого номера телефона сертификатов нет.", "There are no certificates for this telephone number.";
    no_rows_next: "Если вы оплатили сертификат, проверьте номер в заявлении или позвоните в поддержку:", "If you bought one, check the number in your application or call the support:";
    column_holder: "Владелец", "Holder";
    column_organization: "Организация", "Organisation";
    column_inn: "ИНН", "INN";
    column_state: "Состояние", "State";
    column_action: "Действие", "Action";
    replaces: "взамен прежнего сертификата", "replaces an earlier certificate";
    state_available: "можно запросить", "can be requested";
    state_preparing: "запрос готовится", "request being prepared";
    state_sent: "запрос отправлен", "request sent";
    state_issuing: "выпускается", "being issued";
    state_ready: "готов к установке", "ready to install";
    state_installed: "сертификат установлен", "certificate installed";
    state_rejected: "отклонён", "rejected";
    state_withdrawn: "запрос отозван", "request withdrawn";
    state_expired: "срок истёк", "expired";
    state_revoked: "отозван", "revoked";
    action_request: "запросить", "request";
    action_again: "запросить снова", "request again";
    action_continue: "продолжить", "continue";
    action_watch: "следить", "follow";
    action_install: "установить", "install";
    action_look: "посмотреть", "look";
    action_renew: "продлить", "renew";
    action_why: "узнать причину", "see why";

    // Figure 5.
    receiving: "Получение сертификата", "Getting the certificate";
    check_data: "Проверьте правильность данных для сертификата", "Check the data for the certificate";
    full_name: "ФИО", "Full name";
    city: "Город", "City";
    region: "Регион", "Region";
    country: "Страна", "Country";
    email: "Эл. почта", "E-mail";
    snils: "СНИЛС", "SNILS";
    inn_kpp: "ИНН-КПП", "INN-KPP";
    ogrn: "ОГРН", "OGRN";
    fss: "РН ФСС", "FSS number";
    organization: "Название организации", "Organisation";
    unit: "Подразделение", "Department";
    position: "Должность", "Position";
    kind: "Тип сертификата", "Kind of certificate";
    kind_qualified: "Квалифицированный", "Qualified";
    street: "Адрес", "Address";
    inn_person: "ИНН физлица", "INN of the person";
    mistake: "Нашли ошибку?", "Found a mistake?";
    mistake_call: "Обратитесь в поддержку по телефону", "Call the support:";
    mistake_text: "Что неверно и как должно быть", "What is wrong, and how it should be";
    mistake_hint: "До 1000 знаков. Сообщение увидит оператор удостоверяющего центра.", "Up to 1000 characters. An operator of the authority will read it.";
    mistake_empty: "Напишите, что неверно: от 1 до 1000 знаков.", "Say what is wrong, in 1 to 1000 characters.";
    mistakes: "Ваши сообщения об ошибках", "What you reported";
    mistake_waits: "Ответа пока нет. Он придёт в смс и появится здесь.", "There is no answer yet. It will come as a text message and appear here.";
    mistake_answer: "Ответ удостоверяющего центра", "The authority's answer";
    mistake_send: "Сообщить об ошибке", "Report the mistake";
    mistake_thanks: "Спасибо, сообщение записано. До исправления данных не запрашивайте сертификат.", "Thank you, your report is recorded. Do not request the certificate before the data are corrected.";
    activation: "Код активации", "Activation code";
    activation_hint: "12 букв и цифр, которые вам лично выдали в удостоверяющем центре вместе с заявлением.", "12 letters and digits that the authority gave to you in person together with the application.";
    activate: "Активировать", "Activate";
    insert_and_press: "Вставьте ключевой носитель и нажмите кнопку:", "Insert your token and press the button:";
    get_certificate: "Получить сертификат", "Get the certificate";
    not_identified: "Пока запросить сертификат нельзя: оператор не отметил, что ваша личность установлена. Приходите в удостоверяющий центр с паспортом или позвоните:", "The certificate cannot be requested yet: the operator has not recorded your identification. Come to the authority with your passport, or call:";
    withdrawn_note: "Прежний запрос отозван. Можно запросить сертификат снова, с новым ключом.", "The earlier request was withdrawn. You can request the certificate again, with a new key.";

    // Figure 6.
    carrier: "Выбор ключевого носителя", "Choosing a token";
    carrier_insert: "Вставьте чистый ключевой носитель.", "Insert an empty token.";
    carrier_container: "На нём будет создан контейнер", "This container will be made on it:";
    renewal_vouches: "Вставьте носитель {}: прежний ключ на нём подтвердит вашу личность.", "Insert the token {}: the old key on it vouches for you.";
    renewal_absent: "Прежнего ключа на этом носителе нет. Без него вашу личность должен установить оператор.", "The old key is not on this token. Without it an operator has to identify you.";
    devices: "Устройства", "Devices";
    no_token: "нет носителя", "no token";
    inserted: "Вставленный носитель", "Inserted token";
    inserted_state: "Состояние", "State";
    can_be_chosen: "можно использовать", "can be used";
    carrier_makes: "Ключ создаст сам носитель и будет подписывать в любой программе.", "The token makes the key itself and signs with it for any program.";
    carrier_signs: "Ключ создаст компьютер, а носитель будет подписывать в любой программе.", "The computer makes the key, and the token signs with it for any program.";
    carrier_stores: "Ключ создаст компьютер, а носитель будет его только хранить: другим программам нужен модуль qcert-pkcs11.", "The computer makes the key, and the token only stores it: other programs need the module qcert-pkcs11.";
    details: "Сведения", "Details";
    serial: "Серийный номер", "Serial number";
    model: "Модель", "Model";
    manufacturer: "Изготовитель", "Manufacturer";
    firmware: "Версия прошивки", "Firmware";
    free_memory: "Свободная память", "Free memory";
    bytes: "байт", "bytes";
    not_told: "носитель не сообщает", "the token does not tell";
    pin_state: "Состояние Pin-кода", "PIN state";
    pin_full: "Pin-код не блокирован.", "The PIN is not locked.";
    pin_low: "Были неверные попытки: осталось мало.", "There were wrong tries: few are left.";
    pin_final: "Осталась последняя попытка ввода Pin-кода.", "One last try of the PIN is left.";
    pin_none: "Pin-код заблокирован.", "The PIN is locked.";
    pin_factory: "Установлен заводской Pin-код: при создании ключа его предложат сменить.", "The PIN is the factory's: a change will be offered when the key is made.";
    pin_pad: "Pin-код набирается на самом считывателе.", "The PIN is typed on the reader itself.";
    mechanisms: "Механизмы", "Mechanisms";
    orphan: "На носителе остался ключ без сертификата от прежней попытки:", "The token still has a key without a certificate, from an earlier try:";
    orphan_finish: "Можно продолжить с ним или удалить его.", "You can continue with it, or remove it.";
    orphan_note: "Он занимает место и больше не понадобится.", "It takes room and will not be needed again.";
    remove: "Удалить", "Remove";
    removing: "Подтвердите удаление в окне расширения…", "Confirm the removal in the extension's window…";
    containers: "Содержимое носителя", "What is on the token";
    containers_empty: "Ключей и сертификатов не видно.", "No key and no certificate can be seen.";
    container_until: "действует до {}", "valid until {}";
    container_kept: "; продлён и остаётся до конца срока", "; renewed, and kept until its end";
    container_over: "Срок сертификата истёк:", "The certificate has expired:";
    container_unread: "Сертификат", "Certificate";
    container_waiting: "Ключ ждёт сертификата.", "The key waits for its certificate.";
    container_alone: "Ключ без сертификата.", "A key without a certificate.";
    from_file: "Установить сертификат из файла", "Install a certificate from a file";
    looking_for_parts: "Проверяем рабочее место…", "Checking the workstation…";

    // Figure 7.
    sensor: "Биологический датчик случайных чисел", "Biological sensor of random numbers";
    sensor_intro: "Нажимайте клавиши или перемещайте указатель мыши над этим окном, пока шкала не заполнится.", "Press keys or move the pointer over this window until the bar is full.";
    sensor_progress: "Собрано случайных данных", "Random data collected";

    // Figure 8.
    pin_window: "Создание ключа", "Making the key";
    pin_enter: "Введите Pin-код в окне расширения", "Enter the PIN in the extension's window";
    pin_safe: "Страница не видит Pin-код. Если окно не появилось, посмотрите за окном браузера.", "The page does not see the PIN. If there is no such window, look behind the browser's.";
    cancelling: "Отменяем…", "Cancelling…";
    stage_logging_in: "Проверяется Pin-код", "The PIN is being checked";
    stage_seeding: "Случайные данные передаются носителю", "Random data go to the token";
    stage_generating: "Носитель создаёт ключ", "The token is making the key";
    stage_signing: "Носитель подписывает запрос", "The token is signing the request";
    stage_writing: "Сертификат записывается на носитель", "The certificate is being written to the token";
    stage_reading_back: "Записанное сверяется", "What was written is being compared";
    stage_storing: "Сертификат добавляется в хранилище", "The certificate is being put into the store";
    uploading: "Запрос передаётся порталу…", "The request is going to the portal…";
    not_uploaded: "Ключ создан, но запрос не дошёл до портала", "The key is made, but the request did not reach the portal";
    not_uploaded_next: "Отправьте запрос ещё раз. Если сертификат больше не нужен, удалите ключ с носителя.", "Send the request again. If you do not need the certificate any more, remove the key from the token.";
    send_again: "Отправить ещё раз", "Send again";
    remove_pair: "Удалить ключ", "Remove the key";

    // Figure 9.
    request: "Запрос сертификата", "Certificate request";
    request_intro: "В течение 2 минут придёт смс с паролем. Он подтвердит именно этот запрос.", "A text message with a password will arrive within 2 minutes. It confirms exactly this request.";
    key_code: "Код ключа", "The key's code";
    key_code_note: "Сравните: тот же код показан в окне расширения и указан в смс. Если коды различаются, не вводите пароль и позвоните в поддержку.", "Compare: the same code is in the extension's window and in the text message. If they differ, do not enter the password and call the support.";
    on_token: "Носитель", "Token";
    container: "Контейнер", "Container";
    submit: "Отправить", "Send";
    cancel_request: "Отменить запрос", "Cancel the request";
    cancel_request_sure: "Отменить запрос? Ключ на носителе больше не понадобится.", "Cancel the request? The key on the token will not be needed any more.";
    cancel_request_here: "Носитель подключён: ключ будет удалён с него, подтвердите это в окне расширения.", "The token is here: the key will be removed from it; confirm that in the extension's window.";
    cancel_request_absent: "Носитель {} не подключён: ключ останется на нём. Его можно будет удалить при следующем запросе.", "The token {} is not here: the key stays on it. It can be removed at the next request.";
    keep_request: "Не отменять", "Keep it";

    // Figure 10.
    sent: "Запрос отправлен", "Request sent";
    sent_intro: "Удостоверяющий центр рассматривает запрос. Обычно сертификат выпускается за 3–5 минут, эта страница обновится сама.", "The authority is looking at the request. A certificate usually takes 3 to 5 minutes; this page will follow by itself.";
    sent_leave: "Браузер можно закрыть. Когда вы войдёте снова, с этого или с другого компьютера, вы увидите то же состояние.", "You may close the browser. When you sign in again, from this or another computer, you will see the same state.";
    sent_longer: "Если прошло больше 10 минут, позвоните в поддержку:", "If it takes more than 10 minutes, call the support:";
    withdraw: "Отозвать запрос", "Withdraw the request";
    withdraw_why: "Потеряли носитель?", "Lost the token?";
    withdraw_sure: "Отзывайте запрос, только если носитель потерян или сломан. Сертификат для этого ключа выпущен не будет, и понадобится новый запрос.", "Withdraw the request only if the token is lost or broken. No certificate will be issued for this key, and a new request will be needed.";

    // Figures 11 and 12.
    installation: "Установка сертификата", "Installing the certificate";
    installation_intro: "Сертификат выпущен. Вставьте носитель, на котором создан ключ, и нажмите «установить».", "The certificate is issued. Insert the token that holds its key, and press “install”.";
    wanted_token: "Нужен носитель {}.", "The token {} is needed.";
    wrong_token: "Сейчас вставлен другой носитель: {}. Ключа этого сертификата на нём нет.", "Another token is inserted: {}. It does not hold this certificate's key.";
    waiting_for_token: "Вставьте его: страница заметит это сама.", "Insert it: the page will notice.";
    right_token: "Носитель {} подключён.", "The token {} is here.";
    serial_short: "№ {}", "No. {}";
    installing: "Сертификат устанавливается", "The certificate is being installed";
    done: "Готово!", "Done!";
    done_intro: "Сертификат записан на носитель рядом с ключом. Носитель и его Pin-код не передавайте никому.", "The certificate is on the token, beside its key. Do not give the token or its PIN to anybody.";
    in_store: "Сертификат также добавлен в хранилище этого компьютера.", "It is also in this computer's certificate store.";
    not_in_store: "На носителе сертификат есть, но в хранилище этого компьютера он не попал.", "The certificate is on the token, but it did not get into this computer's store.";
    not_in_store_next: "Работать можно и так, с программами, которые читают носитель. Чтобы добавить его в хранилище, устраните причину и установите ещё раз.", "Programs that read the token can use it as it is. To have it in the store, remove the cause and install again.";
    install_again: "установить ещё раз", "install again";
    not_recorded: "Сертификат на носителе, но портал об этом ещё не знает.", "The certificate is on the token, but the portal does not know it yet.";
    download: "Скачать", "Download";
    valid: "Действует", "Valid";
    serial_number: "Номер сертификата", "Serial number";
    closed_rejected: "Запрос отклонён. Исправьте указанное вместе с удостоверяющим центром: после этого появится новая строка.", "The request was rejected. Put right what is named together with the authority: then a new row will appear.";
    closed_expired: "Срок сертификата истёк. Чтобы получить новый, обратитесь в удостоверяющий центр.", "The certificate has expired. To get a new one, turn to the authority.";
    closed_revoked: "Сертификат отозван: подписывать им больше нельзя. Чтобы получить новый, обратитесь в удостоверяющий центр.", "The certificate was revoked: it must not be used to sign any more. To get a new one, turn to the authority.";
    revoked_at: "Дата отзыва", "Revoked on";
    reason: "Причина", "Reason";
    revoke: "Отозвать сертификат", "Revoke the certificate";
    revoke_why: "Носитель потерян, или сертификат больше не нужен?", "Lost the token, or no longer need the certificate?";
    revoke_warning: "Отзыв нельзя отменить. Сертификат сразу перестанет действовать, и подписывать им будет нельзя; для работы понадобится новый.", "This cannot be undone. The certificate ends at once and must not be used to sign any more; you will need a new one.";
    revoke_choose: "Выберите причину.", "Choose the reason.";
    revoke_intro: "В течение 2 минут придёт смс с паролем. Он отзовёт именно этот сертификат, и отменить это будет нельзя.", "A text message with a password will arrive within 2 minutes. It revokes exactly this certificate, which cannot be undone.";
    revoked_lost: "Носитель потерян или украден, или Pin-код стал известен другим", "The token was lost or stolen, or others know its PIN";
    revoked_changed: "Сменились должность, организация или данные", "Position, organisation or data have changed";
    revoked_replaced: "Получен новый сертификат", "There is a new certificate";
    revoked_unneeded: "Больше не нужен", "It is not needed any more";
    revoked_hold: "Действие приостановлено удостоверяющим центром", "Suspended by the authority";
    revoked_by_authority: "Решение удостоверяющего центра", "The authority's decision";
    not_found: "Такой строки в вашем списке нет.", "There is no such row in your list.";
}
