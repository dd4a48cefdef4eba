//! What each error code says to a person: what happened, and what to do next.

use std::str::Lines;

use qcert_protocol::ErrorCode;

macro_rules! errors {
    ($($first:ident $(| $other:ident)*: $ru_what:literal, $ru_next:literal, $en_what:literal, $en_next:literal;)*) => {
        /// Codes that read the same, by the first of them.
        enum Row { $($first,)* }

        /// Where a code's texts stand. Exhaustive: a new code without words does not compile.
        pub(super) const fn row(code: ErrorCode) -> usize {
            (match code { $(ErrorCode::$first $(| ErrorCode::$other)* => Row::$first,)* }) as usize
        }

        /// Two lines for each of the rows.
        pub(super) const RUSSIAN: &str = concat!($($ru_what, "\n", $ru_next, "\n",)*);
        pub(super) const ENGLISH: &str = concat!($($en_what, "\n", $en_next, "\n",)*);

        /// What stands where in the two languages, for the tests.
        #[cfg(test)]
        pub(super) const WRITTEN: &[(ErrorCode, [[&str; 2]; 2])] =
            &[$((ErrorCode::$first, [[$ru_what, $ru_next], [$en_what, $en_next]]),)*];
    };
}

/// Takes the lines of one language.
pub(super) fn read(lines: &mut Lines<'static>) -> &'static [[&'static str; 2]] {
    std::iter::from_fn(|| Some([lines.next()?, lines.next()?])).collect::<Vec<_>>().leak()
}

errors! {
    BodyMalformed: "Портал не понял запрос страницы.", "Обновите страницу. Если не поможет, позвоните в поддержку.",
        "The portal did not understand the page.", "Reload the page. If that does not help, call the support.";
    BodyTooLarge: "Отправлено больше данных, чем принимает портал.", "Сократите текст и повторите.",
        "More was sent than the portal takes.", "Shorten the text and try again.";
    MediaTypeUnsupported: "Портал не принял данные такого вида.", "Обновите страницу и повторите.",
        "The portal does not take this kind of data.", "Reload the page and try again.";
    NotFound: "На портале нет того, что запросила страница.", "Обновите страницу и повторите.",
        "The portal does not have what the page asked for.", "Reload the page and try again.";
    // No page meets those of operators.
    MethodNotAllowed | OperatorTokenRequired | OperatorRoleMissing | ImportRefused | SecondOperatorRequired
        | PhoneChangeTooEarly: "Портал не выполняет это действие.", "Обновите страницу и повторите.",
        "The portal does not do this.", "Reload the page and try again.";
    FieldInvalid: "Поле заполнено неверно.", "Исправьте его и повторите.",
        "A field is not filled in correctly.", "Correct it and try again.";
    SessionRequired: "Сеанс завершён.", "Войдите ещё раз.",
        "Your session has ended.", "Sign in again.";
    OriginForbidden: "Портал отказал: запрос пришёл с другого сайта.", "Откройте портал по его адресу и повторите.",
        "The portal refused: the request came from another site.", "Open the portal by its address and try again.";
    RateLimited: "Слишком много запросов.", "Подождите и повторите.",
        "Too many requests.", "Wait, then try again.";
    Internal: "На портале произошла ошибка, ничего не изменилось.", "Повторите через минуту. Если не поможет, позвоните в поддержку.",
        "The portal failed, and nothing was changed.", "Try again in a minute. If that does not help, call the support.";
    PortalUnavailable: "Портал не отвечает.", "Проверьте подключение к интернету и повторите.",
        "The portal does not answer.", "Check your internet connection and try again.";
    PhoneInvalid: "Это не похоже на номер мобильного телефона.", "Введите 10 цифр после +7, например +7 922 211 4545.",
        "This does not look like a mobile telephone number.", "Enter 10 digits after +7, for example +7 922 211 4545.";
    OtpWrong: "Пароль неверный.", "Проверьте цифры в последнем смс и введите их ещё раз.",
        "The password is wrong.", "Check the digits in the latest message and enter them again.";
    OtpExpired: "Срок пароля истёк.", "Получите смс повторно и введите новый пароль.",
        "The password has expired.", "Have the message sent again and enter the new password.";
    OtpUsed: "Этот пароль уже использован.", "Получите смс повторно и введите новый пароль.",
        "This password was used already.", "Have the message sent again and enter the new password.";
    OtpTriesExhausted: "Попытки ввода закончились.", "Получите смс повторно, когда это станет возможно, и введите новый пароль.",
        "There are no tries left.", "Have the message sent again as soon as you can, and enter the new password.";
    PhoneLocked: "Номер заблокирован: слишком много неверных паролей подряд.", "Позвоните в поддержку: её номер внизу страницы.",
        "The number is locked: too many wrong passwords in a row.", "Call the support: its number is at the bottom of the page.";
    OtpNotRequested: "Пароль для этого входа не запрашивали.", "Нажмите «Получить смс повторно» и введите новый пароль.",
        "No password was asked for here.", "Press “Send the message again” and enter the new password.";
    OtpResendTooEarly: "Смс отправлено недавно.", "Подождите: сообщение может идти до 2 минут.",
        "A message was sent a moment ago.", "Wait: it can take up to 2 minutes.";
    ApplicationNotFound: "Такого заявления в вашем списке нет.", "Вернитесь к списку и выберите строку.",
        "There is no such application in your list.", "Go back to the list and choose a row.";
    ApplicationStateForbids: "Состояние заявления изменилось, и это действие больше невозможно.", "Посмотрите новое состояние на этой странице.",
        "The application's state has changed, and this is not possible any more.", "Look at its new state on this page.";
    IdentificationMissing: "Оператор не отметил, что ваша личность установлена.", "Обратитесь в удостоверяющий центр с паспортом.",
        "The operator has not recorded your identification.", "Come to the authority with your passport.";
    RequestNotFound: "Такого запроса на портале нет.", "Вернитесь к списку и начните с выбора строки.",
        "The portal has no such request.", "Go back to the list and begin with a row.";
    RequestMalformed | RequestTrailingBytes | RequestNotDer | RequestAttributeRepeated:
        "Портал не смог прочитать запрос сертификата.", "Обновите программу на компьютере и создайте запрос снова.",
        "The portal cannot read the certificate request.", "Update the program on the computer and make a new request.";
    RequestTooLarge: "Запрос сертификата слишком велик.", "Обновите программу на компьютере и создайте запрос снова.",
        "The certificate request is too large.", "Update the program on the computer and make a new request.";
    ProofOfPossessionFailed: "Подпись запроса не подходит к его ключу.", "Удалите ключ с носителя и создайте запрос снова.",
        "The request's signature does not fit its key.", "Remove the key from the token and make a new request.";
    KeyAlgorithmUnsupported | KeyTooLarge | KeyParametersExplicit | KeyPointCompressed | SignatureAlgorithmUnsupported:
        "Удостоверяющий центр не принимает ключи такого вида.", "Возьмите другой носитель или позвоните в поддержку.",
        "The authority does not take this kind of key.", "Take another token, or call the support.";
    KeyWeak | KeyTooSmall | KeySmallFactors | KeyRoca | KeyClosePrimes | KeyExponentUnsafe | KeyPointInvalid | KeyBlocked:
        "Ключ недостаточно надёжен.", "Удалите его с носителя и создайте новый, лучше на другом носителе.",
        "The key is not safe enough.", "Remove it from the token and make a new one, preferably on another token.";
    KeyInUse | KeyRevoked: "Этот ключ уже относится к другому запросу или сертификату.", "Создайте запрос снова: будет создан новый ключ.",
        "This key belongs to another request or certificate already.", "Make a new request: a new key will be made.";
    DigestChanged: "После отправки смс данные изменились.", "Проверьте данные и получите смс повторно.",
        "The data changed after the message was sent.", "Check the data and have the message sent again.";
    CertificateNotFound: "Такого сертификата на портале нет.", "Вернитесь к списку и выберите строку.",
        "The portal has no such certificate.", "Go back to the list and choose a row.";
    ExtensionMissing: "Расширение не установлено или выключено.", "Установите или включите расширение в браузере: страница заметит его сама или после обновления.",
        "The extension is not installed, or is switched off.", "Install it or switch it on in the browser: the page notices it by itself, or after a reload.";
    ExtensionSiteRefused: "Установленное расширение не предназначено для этого сайта.", "Установите расширение, которое предлагает удостоверяющий центр этого портала.",
        "The installed extension is not made for this site.", "Install the extension that this portal's authority offers.";
    ExtensionOutdated: "Версия расширения устарела.", "Обновите расширение и затем эту страницу.",
        "The extension is too old.", "Update the extension, then reload this page.";
    ExtensionDisconnected: "Расширение перезапущено или удалено.", "Повторите. Если не поможет, обновите страницу.",
        "The extension was restarted or removed.", "Try again. If that does not help, reload the page.";
    HostMissing: "Браузер не находит программу Qcert на этом компьютере.", "Установите её или запустите «qcert-host register» для этого браузера. Браузеру из snap или flatpak она не видна: возьмите пакет системы.",
        "The browser does not find the Qcert program on this computer.", "Install it, or run “qcert-host register” for this browser. A browser from snap or flatpak cannot see it: take the system's package.";
    HostForbidden: "Программа Qcert установлена, но не разрешена для этого расширения.", "Запустите «qcert-host register» ещё раз или обратитесь к администратору.",
        "The Qcert program is installed, but not for this extension.", "Run “qcert-host register” again, or turn to your administrator.";
    HostExited: "Программа на компьютере неожиданно завершилась.", "Повторите. Если это случится снова, запустите «qcert-host doctor» и позвоните в поддержку.",
        "The program on the computer ended unexpectedly.", "Try again. If it happens again, run “qcert-host doctor” and call the support.";
    HostOutdated: "Версия программы на компьютере устарела.", "Обновите её и затем эту страницу.",
        "The program on the computer is too old.", "Update it, then reload this page.";
    PageOutdated: "Эта страница старше, чем расширение и программа на компьютере.", "Обновите страницу, минуя кеш (Ctrl+F5).",
        "This page is older than the extension and the program.", "Reload the page past the cache (Ctrl+F5).";
    OriginRefused: "Администратор не разрешил этому сайту работать с ключевыми носителями.", "Обратитесь к администратору компьютера: адрес сайта добавляет «qcert-host register --portal».",
        "The administrator did not allow this site to use tokens.", "Turn to the computer's administrator: “qcert-host register --portal” adds a site.";
    FrameMalformed: "Расширение и программа на компьютере не поняли друг друга.", "Обновите расширение и программу до последних версий.",
        "The extension and the program did not understand each other.", "Update both to their latest versions.";
    FrameTooLarge: "Сообщение для программы на компьютере слишком велико.", "Обновите страницу и повторите.",
        "A message for the program on the computer is too large.", "Reload the page and try again.";
    CommandUnknown: "Программа на компьютере не знает этой команды.", "Обновите её до последней версии.",
        "The program on the computer does not know this command.", "Update it to the latest version.";
    WorkstationTimeout: "Рабочее место не ответило вовремя.", "Выньте и снова вставьте носитель, затем повторите.",
        "The workstation did not answer in time.", "Pull the token out and insert it again, then try again.";
    OperationInProgress: "Предыдущее действие ещё не закончено.", "Завершите или закройте окно расширения и повторите.",
        "The operation before is not finished.", "Finish or close the extension's window, then try again.";
    Cancelled: "Вы отменили действие.", "Ничего не изменилось, можно начать снова.",
        "You cancelled.", "Nothing was changed, and you can begin again.";
    DialogExpired: "10 минут прошли, окно закрылось.", "Ничего не изменилось, можно начать снова.",
        "The 10 minutes ran out, and the window closed.", "Nothing was changed, and you can begin again.";
    HostConfigurationInvalid: "Программа на компьютере не может прочитать свои настройки.", "Запустите «qcert-host doctor»: он назовёт ошибку.",
        "The program on the computer cannot read its configuration.", "Run “qcert-host doctor”: it names the mistake.";
    ModuleMissing: "Не установлен модуль PKCS#11 для ключевых носителей.", "Установите драйвер вашего носителя, например Рутокен.",
        "No PKCS#11 module for tokens is installed.", "Install the driver of your token, for example Rutoken's.";
    ModuleFailed: "Модуль PKCS#11 не загрузился или сообщил об ошибке.", "Переустановите драйвер носителя и повторите.",
        "The PKCS#11 module did not load, or reported an error.", "Install the token's driver again and try again.";
    ModuleHangs: "Модуль PKCS#11 не отвечает.", "Выньте носитель, вставьте снова и повторите.",
        "The PKCS#11 module does not answer.", "Pull the token out, plug it in and try again.";
    ModuleCrashed: "Модуль PKCS#11 аварийно завершился.", "Выньте носитель, вставьте снова и повторите.",
        "The PKCS#11 module crashed.", "Pull the token out, plug it in and try again.";
    ReaderMissing: "Не подключён ни один считыватель.", "Вставьте носитель в разъём USB или подключите считыватель.",
        "No reader is connected.", "Insert the token into a USB port, or connect a reader.";
    TokenMissing: "Носитель не вставлен.", "Вставьте ключевой носитель: страница заметит его сама.",
        "No token is inserted.", "Insert your token: the page will notice.";
    TokenRemoved: "Носитель вынули во время работы.", "Вставьте его и повторите.",
        "The token was pulled out during the work.", "Insert it and try again.";
    TokenUnsuitable: "Этот носитель не может создать такой ключ или не подготовлен к работе.", "Возьмите другой носитель или подготовьте этот программой изготовителя.",
        "This token cannot make such a key, or was not initialised.", "Take another token, or prepare this one with its maker's program.";
    TokenFull: "На носителе нет места.", "Удалите с него ненужное или возьмите другой.",
        "The token has no room.", "Remove what you do not need, or take another one.";
    TokenMismatch: "Ключ этого сертификата на другом носителе.", "Вставьте носитель, на котором создавали ключ.",
        "This certificate's key is on another token.", "Insert the token that the key was made on.";
    TokenBusy: "Носитель занят в другом окне портала.", "Завершите или отмените там начатое и нажмите кнопку ещё раз.",
        "Another window of the portal works with the token.", "Finish or cancel what was begun there, then press the button again.";
    PinIncorrect: "Pin-код неверный.", "Введите его ещё раз внимательно.",
        "The PIN is wrong.", "Enter it again with care.";
    PinLocked: "Pin-код носителя заблокирован.", "С Pin-кодом администратора его заменят в окне расширения.",
        "The token's PIN is locked.", "With the administrator's PIN it is replaced in the extension's window.";
    SoPinIncorrect: "Pin-код администратора неверный.", "Введите его ещё раз внимательно.",
        "The administrator's PIN is wrong.", "Enter it again with care.";
    SoPinLocked: "Pin-код администратора заблокирован.", "Возьмите другой носитель.",
        "The administrator's PIN is locked.", "Take another token.";
    PinLengthInvalid: "Длина Pin-кода не подходит носителю.", "Введите Pin-код ещё раз.",
        "The token does not take a PIN of this length.", "Enter the PIN again.";
    PinFactory: "Это заводской Pin-код.", "Смените его в окне расширения.",
        "This is the factory's PIN.", "Change it in the extension's window.";
    PinRequired: "Pin-код не введён.", "Повторите и введите его в окне расширения.",
        "No PIN was entered.", "Try again and enter it in the extension's window.";
    SensorInsufficient: "Собрано мало случайных данных.", "Повторите и двигайте мышью, пока шкала не заполнится.",
        "Too little random data was collected.", "Try again and move the mouse until the bar is full.";
    KeyGenerationFailed: "Носитель не смог создать ключ.", "Выньте и снова вставьте его, затем повторите. Если не поможет, возьмите другой.",
        "The token failed to make the key.", "Pull it out and insert it again, then try again. If that does not help, take another one.";
    SigningFailed: "Носитель не смог подписать запрос.", "Выньте и снова вставьте его, затем повторите.",
        "The token failed to sign the request.", "Pull it out and insert it again, then try again.";
    KeyNotFound: "Ключа этого сертификата нет ни на одном из подключённых носителей.", "Вставьте носитель, на котором создавали ключ. Если он потерян, позвоните в поддержку.",
        "This certificate's key is on none of the connected tokens.", "Insert the token that the key was made on. If it is lost, call the support.";
    CertificateInvalid: "Программа на компьютере не приняла сертификат.", "Позвоните в поддержку и назовите код ошибки.",
        "The program on the computer did not accept the certificate.", "Call the support and name the error code.";
    CertificateWriteFailed: "Носитель не принял сертификат.", "Освободите на нём место и повторите.",
        "The token refused the certificate.", "Make room on it and try again.";
    ReadBackMismatch: "Записанный на носитель сертификат не совпал с выпущенным.", "Повторите установку. Если не поможет, носитель неисправен.",
        "What is on the token is not the certificate that was issued.", "Install again. If that does not help, the token is faulty.";
    StoreFailed: "Хранилище сертификатов этого компьютера не приняло сертификат.", "Закройте браузеры, которые им пользуются, и повторите установку.",
        "This computer's certificate store refused the certificate.", "Close the browsers that use it, and install again.";
    StoreToolMissing: "Не установлена программа для работы с хранилищем сертификатов.", "Установите пакет libnss3-tools и повторите установку.",
        "The program that writes to the certificate store is missing.", "Install the package libnss3-tools, and install again.";
    CertificateAlreadyRevoked: "Этот сертификат уже отозван.", "Вернитесь к списку: ничего больше делать не нужно.",
        "This certificate is revoked already.", "Go back to the list: there is nothing more to do.";
    RevocationReasonUnsupported: "По этой причине отозвать сертификат может только удостоверяющий центр.", "Выберите другую причину или позвоните в поддержку.",
        "Only the authority can revoke for this reason.", "Choose another reason, or call the support.";
    ActivationRequired: "Заявление не активировано.", "Вернитесь к проверке данных и введите код активации.",
        "The application is not activated.", "Go back to the data and enter the activation code.";
    ActivationCodeMistyped: "В коде опечатка.", "Сверьте его с выданным: 12 букв и цифр тремя группами.",
        "The code is mistyped.", "Compare it with the one you were given: 12 letters and digits in three groups.";
    ActivationCodeWrong: "Это код от другого заявления или прежний.", "Возьмите код, выданный с этим заявлением последним.",
        "This is the code of another application, or an earlier one.", "Take the one that was given to you last with this application.";
    ActivationTriesExhausted | ActivationCodeMissing: "Для этого заявления нет действующего кода активации.", "Попросите новый в удостоверяющем центре.",
        "No activation code is valid for this application.", "Ask the authority for a new one.";
    ExtensionTooNew: "Расширение новее, чем этот портал.", "Установите расширение, которое предлагает удостоверяющий центр этого портала.",
        "The extension is newer than this portal.", "Install the extension that this portal's authority offers.";
    HostTooNew: "Программа на компьютере новее, чем портал.", "Обновите расширение и затем эту страницу.",
        "The program on the computer is newer than the portal.", "Update the extension, then reload this page.";
    BrowserUnsupported: "Для этого браузера расширения нет.", "Откройте портал в новом Chromium, Chrome, Edge или Firefox из пакета системы.",
        "There is no extension for this browser.", "Open the portal in a new Chromium, Chrome, Edge or Firefox of the system's packages.";
    BrowserSandboxed: "Браузер из snap или flatpak не запустит программу.", "Откройте портал в новом Chromium, Chrome, Edge или Firefox из пакета системы.",
        "A browser from snap or flatpak cannot start the program.", "Open the portal in a new Chromium, Chrome, Edge or Firefox of the system's packages.";
    ClockWrong: "Часы компьютера расходятся с часами портала.", "Установите верное время.",
        "The computer's clock differs from the portal's.", "Set the right time.";
    RenewalNotOpen: "Этот сертификат сейчас не продлить.", "Обновите страницу: строка покажет, что с ним.",
        "This certificate cannot be renewed now.", "Reload the page: its row shows where it stands.";
    RenewalProofWrong: "Подпись прежнего ключа не подошла или устарела.", "Создайте запрос снова на том же носителе.",
        "The old key's signature does not fit, or is too old.", "Make the request again, on the same token.";
}
